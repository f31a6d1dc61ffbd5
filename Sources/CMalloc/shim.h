/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMALLOC_SHIM_H
#define CMALLOC_SHIM_H

#include <malloc.h>

#endif
