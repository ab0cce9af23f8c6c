import { Module } from '@nestjs/common';
import { EdgeSitesModule } from '../edge-sites/index.js';
import { PkiModule } from '../pki/index.js';
import { ComponentCertificates } from './component-certificates.service.js';
import { OnboardingPackagesController } from './onboarding-packages.controller.js';
import { OnboardingPackagesService } from './onboarding-packages.service.js';
import { OnboardingSweep } from './onboarding.sweep.js';
import { SiteComponents } from './site-components.js';

@Module({
  imports: [PkiModule, EdgeSitesModule],
  controllers: [OnboardingPackagesController],
  providers: [OnboardingPackagesService, ComponentCertificates, SiteComponents],
  exports: [OnboardingPackagesService, ComponentCertificates],
})
export class OnboardingModule {}

/** What closes packages that are over: for the role `worker`. */
@Module({ imports: [OnboardingModule], providers: [OnboardingSweep] })
export class OnboardingWorkerModule {}
