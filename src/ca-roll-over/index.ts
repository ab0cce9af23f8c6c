export { CaRollOverModule, CaRollOverWorkerModule } from './ca-roll-over.module.js';
