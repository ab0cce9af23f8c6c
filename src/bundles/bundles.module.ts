import { Module } from '@nestjs/common';
import { CollectorsModule } from '../collectors/index.js';
import { CollectorBundlesController } from './collector-bundles.controller.js';
import { CollectorBundlesService } from './collector-bundles.service.js';
import { DownloadTokensService } from './download-tokens.service.js';
import { EdgeSiteBundlesController } from './edge-site-bundles.controller.js';
import { EdgeSiteBundlesService } from './edge-site-bundles.service.js';
import { EnrollmentKeyController } from './enrollment-key.controller.js';
import { EnrollmentKeys } from './enrollment-keys.js';

@Module({
  imports: [CollectorsModule],
  controllers: [EdgeSiteBundlesController, CollectorBundlesController, EnrollmentKeyController],
  providers: [DownloadTokensService, EnrollmentKeys, EdgeSiteBundlesService, CollectorBundlesService],
})
export class BundlesModule {}
