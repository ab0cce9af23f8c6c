export { HealthDto, toHealthDto } from './dto/health.dto.js';
export * from './site-health.module.js';
export * from './site-health.service.js';
