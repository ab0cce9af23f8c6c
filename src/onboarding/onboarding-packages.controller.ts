import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Authorize, type Caller, CurrentCaller } from '../platform/auth/index.js';
import { Idempotent } from '../platform/idempotency/index.js';
import { ApiPage, type Page, PageQuery } from '../platform/paging/index.js';
import { ApiProblems } from '../platform/problem/index.js';
import { IdParam } from '../platform/validation/index.js';
import { OnboardingEventDto, OnboardingPackageDto, toOnboardingEventDto, toOnboardingPackageDto } from './dto/onboarding-package.dto.js';
import {
  CreateOnboardingPackageDto,
  OnboardingPackageQuery,
  toNewOnboardingPackage,
  toOnboardingFilter,
} from './dto/onboarding-package-input.dto.js';
import { OnboardingPackagesService } from './onboarding-packages.service.js';

@ApiTags('Onboarding')
@Controller('admin/edge-packages')
export class OnboardingPackagesController {
  constructor(private readonly packages: OnboardingPackagesService) {}

  @Post()
  @Authorize('create', 'OnboardingPackage')
  @Idempotent('onboarding_package.create')
  @ApiOperation({ operationId: 'createOnboardingPackage', summary: 'Issue an onboarding package for a component of a site, with its certificate' })
  @ApiProblems(400, 401, 403, 404, 409, 422)
  async create(@CurrentCaller() caller: Caller, @Body() body: CreateOnboardingPackageDto): Promise<OnboardingPackageDto> {
    return toOnboardingPackageDto(await this.packages.create(caller, toNewOnboardingPackage(body)));
  }

  @Get()
  @Authorize('read', 'OnboardingPackage')
  @ApiOperation({ operationId: 'listOnboardingPackages', summary: 'List onboarding packages, newest first' })
  @ApiPage(OnboardingPackageDto)
  @ApiProblems(400, 401, 403, 404, 422)
  async list(@CurrentCaller() caller: Caller, @Query() query: OnboardingPackageQuery): Promise<Page<OnboardingPackageDto>> {
    const page = await this.packages.list(caller, { ...query, ...toOnboardingFilter(query) });
    return { ...page, data: page.data.map(toOnboardingPackageDto) };
  }

  @Get(':id')
  @Authorize('read', 'OnboardingPackage')
  @ApiOperation({ operationId: 'getOnboardingPackage', summary: 'Get an onboarding package' })
  @ApiProblems(400, 401, 403, 404)
  async get(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<OnboardingPackageDto> {
    return toOnboardingPackageDto(await this.packages.get(caller, id));
  }

  @Get(':id/events')
  @Authorize('read', 'OnboardingPackage')
  @ApiOperation({ operationId: 'listOnboardingPackageEvents', summary: 'List what has happened to an onboarding package, newest first' })
  @ApiPage(OnboardingEventDto)
  @ApiProblems(400, 401, 403, 404, 422)
  async events(@CurrentCaller() caller: Caller, @IdParam() id: string, @Query() query: PageQuery): Promise<Page<OnboardingEventDto>> {
    const page = await this.packages.events(caller, id, query);
    return { ...page, data: page.data.map(toOnboardingEventDto) };
  }

  @Post(':id/revoke')
  @HttpCode(200)
  @Authorize('revoke', 'OnboardingPackage')
  @ApiOperation({ operationId: 'revokeOnboardingPackage', summary: 'Revoke an onboarding package with its certificate' })
  @ApiProblems(400, 401, 403, 404, 409)
  async revoke(@CurrentCaller() caller: Caller, @IdParam() id: string): Promise<OnboardingPackageDto> {
    return toOnboardingPackageDto(await this.packages.revoke(caller, id));
  }
}
