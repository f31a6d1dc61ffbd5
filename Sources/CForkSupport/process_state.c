/* SPDX-License-Identifier: Apache-2.0 */
#include "process_state.h"

#include <stdatomic.h>
#include <stddef.h>

static _Atomic(void *) current;

void *process_state_get(void) { return atomic_load_explicit(&current, memory_order_acquire); }

void *process_state_set_once(void *state) {
    void *expected = NULL;
    return atomic_compare_exchange_strong(&current, &expected, state) ? state : expected;
}

void *process_log_sink(void *offered) {
    static void *_Atomic kept;
    void *expected = NULL;
    if (offered == NULL) return atomic_load_explicit(&kept, memory_order_acquire);
    return atomic_compare_exchange_strong(&kept, &expected, offered) ? offered : expected;
}
