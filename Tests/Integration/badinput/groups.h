/* Groups of checks. Each runs in a process of its own.  SPDX-License-Identifier: Apache-2.0 */
#ifndef GROUPS_H
#define GROUPS_H

#include "host.h"

/* Before C_Initialize, with the module loaded only. */
void check_initialise_arguments(Host *host);
void check_lifecycle(Host *host);
void check_interfaces(Host *host);
void check_not_initialised(Host *host);
void check_not_logged_in(Host *host);
void check_login(Host *host);

/* Initialised and logged in, with the keys found; the group opens its own sessions. */
void check_unknown_handles(Host *host);
void check_null_pointers(Host *host);
void check_missing_init(Host *host);
void check_slots(Host *host);
void check_sessions(Host *host);
void check_attributes(Host *host);
void check_find(Host *host);
void check_find_templates(Host *host);
void check_sign_init(Host *host);
void check_pss_parameters(Host *host);
void check_sign(Host *host);
void check_sign_lengths(Host *host);
void check_sign_multipart(Host *host);
void check_absurd_data(Host *host);
void check_ciphers(Host *host);
void check_messages(Host *host);
void check_templates(Host *host);
void check_keys_made(Host *host);
void check_lengths_of_checks(Host *host);

#endif
