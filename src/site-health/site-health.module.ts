import { Module } from '@nestjs/common';
import { SiteHealth } from './site-health.service.js';

@Module({ providers: [SiteHealth], exports: [SiteHealth] })
export class SiteHealthModule {}
