export * from './health.js';
export { REASON_CODES, type Reason, type ReasonCode } from './reasons.js';
export * from './witnesses.js';
