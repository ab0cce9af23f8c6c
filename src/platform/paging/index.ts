export * from './api-page.decorator.js';
export * from './cursor.js';
export * from './page.js';
export * from './page-query.dto.js';
