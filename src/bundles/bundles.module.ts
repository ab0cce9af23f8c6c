import { Module } from '@nestjs/common';
import { CollectorsModule } from '../collectors/index.js';
import { OnboardingModule } from '../onboarding/index.js';
import { PkiModule } from '../pki/index.js';
import { CollectorBundlesController } from './collector-bundles.controller.js';
import { CollectorBundlesService } from './collector-bundles.service.js';
import { DownloadTokensService } from './download-tokens.service.js';
import { EdgeSiteBundlesController } from './edge-site-bundles.controller.js';
import { EdgeSiteBundlesService } from './edge-site-bundles.service.js';
import { EnrollmentKeyController } from './enrollment-key.controller.js';
import { EnrollmentKeys } from './enrollment-keys.js';
import { OnboardingBundlesController } from './onboarding-bundles.controller.js';
import { OnboardingBundlesService } from './onboarding-bundles.service.js';
import { SignedTokens } from './signed-tokens.service.js';

@Module({
  imports: [CollectorsModule, OnboardingModule, PkiModule],
  controllers: [EdgeSiteBundlesController, CollectorBundlesController, OnboardingBundlesController, EnrollmentKeyController],
  providers: [
    DownloadTokensService,
    EnrollmentKeys,
    SignedTokens,
    EdgeSiteBundlesService,
    CollectorBundlesService,
    OnboardingBundlesService,
  ],
})
export class BundlesModule {}
