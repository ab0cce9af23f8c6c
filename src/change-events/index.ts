export * from './change-events.module.js';
export { ChangeEventsSweep } from './change-events.sweep.js';
export { EventStreams } from './event-streams.service.js';
