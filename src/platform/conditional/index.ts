export * from './conditions.js';
export * from './entity-tag.js';
export * from './tagged.decorator.js';
