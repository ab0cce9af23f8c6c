import {  } from 'class-validator';
import type { Tenant } from '#libs/model';
import { IsDisplayName, IsSlug, MayBeAbsent } from '../../platform/validation/index.js';

export class CreateTenantDto {
  /**
   * What people call the tenant. 1 to 200 characters, at least one of them visible; no control and no text direction characters.
   * @example "Acme Manufacturing"
   */
  @IsDisplayName()
  name!: string;

  /**
   * One DNS label, unique; made from the name when absent. It stands in certificates and never changes.
   * @example "acme"
   */
  @MayBeAbsent()
  @IsSlug()
  slug?: string;
}

export class TenantDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f" */
  id!: string;

  /** @example "Acme Manufacturing" */
  name!: string;

  /** @example "acme" */
  slug!: string;

  /** @example "2026-11-24T10:00:00.000Z" */
  created_at!: string;
}

export const toTenantDto = ({ id, name, slug, createdAt }: Tenant): TenantDto => ({
  id,
  name,
  slug,
  created_at: createdAt.toISOString(),
});
