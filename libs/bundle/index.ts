export * from './archive.js';
export * from './checksums.js';
export * from './collector-bundle.js';
export * from './edge-package-bundle.js';
export * from './edge-site-bundle.js';
export * from './quote.js';
