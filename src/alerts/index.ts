export * from './alerts.module.js';
export { AlertEvaluator } from './alert-evaluator.js';
export { DELAYS, DeliverySender } from './delivery-sender.js';
