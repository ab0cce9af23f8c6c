import { Module } from '@nestjs/common';
import { BundlesController } from './bundles.controller.js';
import { DownloadTokensService } from './download-tokens.service.js';
import { EdgeSiteBundlesService } from './edge-site-bundles.service.js';

@Module({
  controllers: [BundlesController],
  providers: [DownloadTokensService, EdgeSiteBundlesService],
})
export class BundlesModule {}
