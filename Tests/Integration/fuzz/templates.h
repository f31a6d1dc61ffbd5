/* Templates: complete ones, spoilt in a few places.  SPDX-License-Identifier: Apache-2.0 */
#ifndef TEMPLATES_H
#define TEMPLATES_H

#include "objects.h"
#include "source.h"

/* For what a template is meant. */
typedef enum TemplateUse { TEMPLATE_MAKES, TEMPLATE_CHANGES, TEMPLATE_READS } TemplateUse;

/* In memory of the call; may be null, with any count. */
CK_ATTRIBUTE *templates_make(uint8_t which, Source *source, TemplateUse use, CK_ULONG *count);

#endif
