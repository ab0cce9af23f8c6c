import { ArrayMaxSize, IsArray, IsString, MaxLength } from 'class-validator';
import type { TenantStream } from '#libs/model';
import { CAPTURED_SUBJECTS } from '#libs/nats';

export class SetStreamSubjectsDto {
  /**
   * All subjects and patterns that the streams are to store besides `built_in`. None may overlap with another one or with those, or reach into
   * what NATS keeps for itself. One that is left out is stored no longer; what was stored stays.
   * @example ["sensors.>", "logs.app"]
   */
  @IsArray()
  @ArrayMaxSize(64)
  @IsString({ each: true })
  @MaxLength(256, { each: true })
  subjects!: string[];
}

/** What the tenant's streams store, at the sites and at the hub. */
export class StreamSubjectsDto {
  /**
   * What collectors publish, whichever types of them there are.
   * @example ["logs.syslog", "falco.>"]
   */
  built_in!: string[];

  /**
   * What the tenant added.
   * @example ["sensors.>", "logs.app"]
   */
  added!: string[];

  /**
   * When that was changed last.
   * @example "2026-11-24T10:00:00.000Z"
   */
  updated_at!: string | null;
}

export const toStreamSubjectsDto = (stream: TenantStream | null): StreamSubjectsDto => ({
  built_in: [...CAPTURED_SUBJECTS],
  added: stream?.addedSubjects ?? [],
  updated_at: stream?.updatedAt.toISOString() ?? null,
});
