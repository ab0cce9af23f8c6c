import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayUnique, IsArray, IsIn, IsISO8601, Matches } from 'class-validator';
import { type KeyScope, TENANT_ROLES, type Role, type TenantRole } from '#libs/contracts';
import type { ApiKey } from '#libs/model';
import { KEY_SCOPES } from '#libs/policy';
import type { Principal } from '../../platform/auth/index.js';
import { IsDisplayName, IsLabels, MayBeAbsent, RFC_3339 } from '../../platform/validation/index.js';

export class CreateApiKeyDto {
  /**
   * What the key is for. 1 to 200 characters, at least one of them visible; no control and no text direction characters.
   * @example "Terraform"
   */
  @IsDisplayName()
  name!: string;

  /**
   * What the key may do: a viewer reads, an operator also downloads bundles and issues credentials, an admin does all.
   * @example "operator"
   */
  @IsIn(TENANT_ROLES)
  role!: TenantRole;

  /**
   * What of its role the key has: `<what>:<action>`, or `<what>:*` for all that the role may do with it. All of its role when absent or empty.
   * An operation names the scope that it needs as `x-scope`.
   */
  @MayBeAbsent()
  @IsArray()
  @ArrayUnique()
  @ArrayMaxSize(KEY_SCOPES.length)
  @IsIn(KEY_SCOPES, { each: true })
  @ApiProperty({ enum: KEY_SCOPES, enumName: 'KeyScope', isArray: true, maxItems: KEY_SCOPES.length, required: false, example: ['edge_sites:read', 'bundles:download'] })
  scopes?: KeyScope[];

  /**
   * Labels that a site must have, all of them, for the key to reach it and what belongs to it. What belongs to no site is then closed to the
   * key. Any site will do when absent or empty.
   * @example { "region": "us-east" }
   */
  @MayBeAbsent()
  @IsLabels()
  site_labels?: Record<string, string>;

  /**
   * When the key stops working; never when absent.
   * @example "2027-11-24T10:00:00.000Z"
   */
  @MayBeAbsent()
  @Matches(RFC_3339, { message: 'expires_at must be a time as 2027-11-24T10:00:00Z (RFC 3339)' })
  @IsISO8601({ strict: true })
  expires_at?: string;
}

export class ApiKeyDto {
  /** @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f" */
  id!: string;

  /** @example "Terraform" */
  name!: string;

  /** @example "operator" */
  role!: Role;

  /**
   * What of its role the key has; all of it when empty.
   * @example ["edge_sites:read", "bundles:download"]
   */
  scopes!: string[];

  /**
   * Labels that a site must have for the key to reach it; any site will do when empty.
   * @example { "region": "us-east" }
   */
  site_labels!: Record<string, string>;

  /** @example "2027-11-24T10:00:00.000Z" */
  expires_at!: string | null;

  /**
   * When it was last used, to the minute.
   * @example "2026-11-24T10:05:00.000Z"
   */
  last_used_at!: string | null;

  /** @example "2026-12-01T10:00:00.000Z" */
  revoked_at!: string | null;

  /** @example "2026-11-24T10:00:00.000Z" */
  created_at!: string;
}

export class CreatedApiKeyDto extends ApiKeyDto {
  /**
   * The key itself. This is the only time it is shown.
   * @example "sr_4f1d2c3b4a596877_J7mX0mA1…"
   */
  key!: string;
}

export class MeDto {
  /**
   * The id of the API key; of a person, the subject (`sub`) of the access token.
   * @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e6f"
   */
  id!: string | null;

  /** @example "Terraform" */
  name!: string;

  /** @example "operator" */
  role!: Role;

  /**
   * What of its role the caller has; all of it when empty.
   * @example ["edge_sites:read", "bundles:download"]
   */
  scopes!: string[];

  /**
   * Labels that a site must have for the caller to reach it; any site will do when empty.
   * @example { "region": "us-east" }
   */
  site_labels!: Record<string, string>;

  /**
   * The tenant acted in; null for a platform admin who named none.
   * @example "01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e71"
   */
  tenant_id!: string | null;
}

export const toApiKeyDto = (key: ApiKey): ApiKeyDto => ({
  id: key.id,
  name: key.name,
  role: key.role,
  scopes: key.scopes,
  site_labels: key.siteLabels,
  expires_at: key.expiresAt?.toISOString() ?? null,
  last_used_at: key.lastUsedAt?.toISOString() ?? null,
  revoked_at: key.revokedAt?.toISOString() ?? null,
  created_at: key.createdAt.toISOString(),
});

export const toMeDto = ({ id, name, role, scopes = [], siteLabels = {}, tenantId }: Principal): MeDto => ({
  id,
  name,
  role,
  scopes: [...scopes],
  site_labels: { ...siteLabels },
  tenant_id: tenantId,
});
