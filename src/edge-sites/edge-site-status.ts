import { edgeSiteLifecycle, natsLeafServerLifecycle } from '#libs/lifecycle';

export const EDGE_SITE_STATUSES = edgeSiteLifecycle.states;
export const LEAF_STATUSES = natsLeafServerLifecycle.states;
