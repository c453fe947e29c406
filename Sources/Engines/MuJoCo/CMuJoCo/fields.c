#include "wm_mujoco.h"
#include <mujoco/mjxmacro.h>
#include <stddef.h>

void wm_mujoco_visit_fields(const mjModel *model, wm_mujoco_field_visitor visit, void *context) {
#undef XMJV
#define X(name) visit(#name, 'i', &model->name, sizeof model->name, context);
#define XMJV(name) X(name)
  MJMODEL_INTS
#undef XMJV
#undef X
#define X(type, name) visit("opt." #name, #type[0] == 'm' ? 'd' : 'i', &model->opt.name, sizeof model->opt.name, context);
  MJOPTION_SCALARS
#undef X
#define X(name, count) visit("opt." #name, 'd', model->opt.name, sizeof model->opt.name, context);
  MJOPTION_VECTORS
#undef X
  visit("stat", 'd', &model->stat, sizeof model->stat, context);
  MJMODEL_POINTERS_PREAMBLE(model)
#undef MJ_M
#define MJ_M(n) model->n
#define KIND(type) (sizeof(type) == 8 ? 'd' : sizeof(type) == 1 ? 'b' : #type[0] == 'f' ? 'f' : 'i')
#define X(type, name, rows, columns) \
  visit(#name, KIND(type), model->name, sizeof(type) * (size_t)(model->rows) * (size_t)(columns), context);
#define XMJV X
  MJMODEL_POINTERS
#undef XMJV
#undef X
#undef KIND
}
