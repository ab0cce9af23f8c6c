import { Module } from '@nestjs/common';
import { EdgeSitesModule } from '../edge-sites/index.js';
import { PkiModule } from '../pki/index.js';
import { CaRollOver } from './ca-roll-over.service.js';
import { CaRollOverSweep } from './ca-roll-over.sweep.js';
import { TenantCasController } from './tenant-cas.controller.js';

@Module({ imports: [PkiModule], controllers: [TenantCasController], providers: [CaRollOver], exports: [CaRollOver] })
export class CaRollOverModule {}

/** The part of it that workers do. */
@Module({ imports: [CaRollOverModule, EdgeSitesModule], providers: [CaRollOverSweep] })
export class CaRollOverWorkerModule {}
