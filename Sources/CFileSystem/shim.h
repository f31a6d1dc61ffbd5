/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CFILESYSTEM_SHIM_H
#define CFILESYSTEM_SHIM_H

/* What kind of file system a file is on; Swift's Glibc leaves this header out. */
#include <sys/vfs.h>

#endif
