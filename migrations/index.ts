import { Migration20261124_1_initial } from './Migration20261124_1_initial.js';

/** In the order in which they run. A migration that has been released is never edited. */
export const migrations = [Migration20261124_1_initial];
