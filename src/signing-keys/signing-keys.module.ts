import { Module } from '@nestjs/common';
import { CollectorsModule } from '../collectors/index.js';
import { EdgeSitesModule } from '../edge-sites/index.js';
import { NatsModule } from '../nats/index.js';
import { SigningKeysController } from './signing-keys.controller.js';
import { SigningKeysService } from './signing-keys.service.js';
import { SigningKeySweep } from './signing-keys.sweep.js';
import { Successors } from './successors.js';

@Module({
  imports: [NatsModule, EdgeSitesModule, CollectorsModule],
  controllers: [SigningKeysController],
  providers: [SigningKeysService, Successors],
  exports: [SigningKeysService, Successors],
})
export class SigningKeysModule {}

/** What brings rotations forward: for the role `worker`. */
@Module({ imports: [SigningKeysModule], providers: [SigningKeySweep] })
export class SigningKeysWorkerModule {}
