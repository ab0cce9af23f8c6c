import { Module } from '@nestjs/common';
import { NatsModule } from '../nats/index.js';
import { PkiModule } from '../pki/index.js';
import { TenantsController } from './tenants.controller.js';
import { TenantsService } from './tenants.service.js';

@Module({
  imports: [PkiModule, NatsModule],
  controllers: [TenantsController],
  providers: [TenantsService],
  exports: [TenantsService],
})
export class TenantsModule {}
