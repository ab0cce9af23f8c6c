export * from './archive.js';
export * from './checksums.js';
export * from './edge-site-bundle.js';
export * from './quote.js';
