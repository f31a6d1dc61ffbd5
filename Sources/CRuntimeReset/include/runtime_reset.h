/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_RESET_H
#define RUNTIME_RESET_H

/*
 * Makes a forked child forget the thread id that the Swift runtime cached in the parent. Its locks on Linux are
 * priority-inheritance futexes whose word holds the owner's thread id; with the parent's id two threads of the child
 * hang for ever in swift_once or in metadata instantiation. There is nothing to call: linking this target is enough.
 */

#endif
