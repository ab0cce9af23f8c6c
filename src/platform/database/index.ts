export * from './connections.js';
export * from './database.js';
export * from './database-fault.js';
export * from './database-urls.module.js';
export * from './database.module.js';
export * from './migrate.js';
export * from './scope.js';
export * from './urls.js';
