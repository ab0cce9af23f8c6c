export * from './api-problems.decorator.js';
export * from './problem.dto.js';
export * from './problem.filter.js';
export * from './problem.module.js';
export * from './problem-of.js';
export * from './problem-response.js';
export * from './problem-table.js';
export * from './send-problem.js';
