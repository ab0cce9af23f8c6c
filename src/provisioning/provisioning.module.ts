import { Module } from '@nestjs/common';
import { EdgeSitesModule, LeafConnectionsSweep } from '../edge-sites/index.js';
import { NatsModule } from '../nats/index.js';
import { PkiModule } from '../pki/index.js';
import { IntentSweep } from './intent.sweep.js';
import { LeafProvisioner } from './leaf-provisioner.js';
import { OperatorSweep } from './operator.sweep.js';
import { ProvisioningBatches } from './provisioning-batches.js';
import { ProvisioningProcessor } from './provisioning.processor.js';
import { ProvisioningSweep } from './provisioning.sweep.js';
import { RenewalSweep } from './renewal.sweep.js';

@Module({
  imports: [EdgeSitesModule, NatsModule, PkiModule],
  providers: [LeafProvisioner, ProvisioningBatches, ProvisioningProcessor, ProvisioningSweep, RenewalSweep, OperatorSweep, IntentSweep, LeafConnectionsSweep],
})
export class ProvisioningModule {}
