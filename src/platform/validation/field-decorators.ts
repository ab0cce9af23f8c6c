import { applyDecorators } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { buildMessage, ValidateBy, ValidateIf, type ValidationOptions } from 'class-validator';
import { isName, isSlug, NAME_MAX_LENGTH, SLUG_PATTERN } from '#libs/kernel';
import { isHost, isListenAddress, isNatsUrl } from './host.js';
import { isLabels, LABELS_MAX } from './labels.js';
import { isSettings, SETTINGS_MAX } from './settings.js';

interface FieldRule {
  /** The constraint's name; its snake_case is the error's code. */
  name: string;
  accepts: (value: unknown) => boolean;
  /** Ends the sentence `<field> must be …`. */
  mustBe: string;
  schema: ApiPropertyOptions;
}

const text = (accepts: (text: string) => boolean) => (value: unknown) => typeof value === 'string' && accepts(value);

/** Checks a field and puts the same rule into OpenAPI. */
function field({ name, accepts, mustBe, schema }: FieldRule, options?: ValidationOptions): PropertyDecorator {
  const defaultMessage = buildMessage((each) => `${each}$property must be ${mustBe}`, options);
  return applyDecorators(
    ValidateBy({ name, validator: { validate: accepts, defaultMessage } }, options),
    // Of an array the schema describes the items; the decorators beside this one describe the array.
    ApiProperty(options?.each ? { type: 'array', items: schema } as ApiPropertyOptions : schema),
  );
}

/** One DNS label. */
export const IsSlug = (options?: ValidationOptions) =>
  field(
    {
      name: 'isSlug',
      accepts: text(isSlug),
      mustBe: '1 to 63 of a-z, 0-9 and inner hyphens',
      schema: { type: 'string', pattern: SLUG_PATTERN.source, maxLength: 63 },
    },
    options,
  );

/** What people name things: 1 to 200 characters, one of them visible at least, no control and no text direction characters. */
export const IsDisplayName = (options?: ValidationOptions) =>
  field(
    {
      name: 'isDisplayName',
      accepts: text(isName),
      mustBe: `1 to ${NAME_MAX_LENGTH} characters, at least one of them visible, none of them a control or text direction character`,
      schema: { type: 'string', minLength: 1, maxLength: NAME_MAX_LENGTH },
    },
    options,
  );

export const IsNatsUrl = (options?: ValidationOptions) =>
  field(
    {
      name: 'isNatsUrl',
      accepts: text(isNatsUrl),
      mustBe: 'tls:// or nats:// with a host and perhaps a port, without credentials, path and query',
      schema: { type: 'string', format: 'uri', maxLength: 300 },
    },
    options,
  );

export const IsListenAddress = (options?: ValidationOptions) =>
  field(
    {
      name: 'isListenAddress',
      accepts: text(isListenAddress),
      mustBe: 'host:port with a port from 1 to 65535, an IPv6 address in brackets',
      schema: { type: 'string', maxLength: 300 },
    },
    options,
  );

export const IsHost = (options?: ValidationOptions) =>
  field(
    {
      name: 'isHost',
      accepts: text(isHost),
      mustBe: 'a DNS name or an IP address',
      schema: { type: 'string', maxLength: 253 },
    },
    options,
  );

export const IsLabels = (options?: ValidationOptions) =>
  field(
    {
      name: 'isLabels',
      accepts: isLabels,
      mustBe:
        `at most ${LABELS_MAX} labels: keys of 1 to 63 of a-z, 0-9 and inner dots, slashes, underscores and hyphens, ` +
        `values of 1 to ${NAME_MAX_LENGTH} characters, one of them visible at least, without control and text direction characters`,
      schema: {
        type: 'object',
        maxProperties: LABELS_MAX,
        additionalProperties: { type: 'string', minLength: 1, maxLength: NAME_MAX_LENGTH },
      },
    },
    options,
  );

/** What has a name of its own, and a text for its value. */
export const IsSettings = (options?: ValidationOptions) =>
  field(
    {
      name: 'isSettings',
      accepts: isSettings,
      mustBe:
        `at most ${SETTINGS_MAX} settings: keys of 1 to 32 of a-z, 0-9 and underscores, beginning with a letter, ` +
        `values of 1 to ${NAME_MAX_LENGTH} characters, one of them visible at least, without control and text direction characters`,
      schema: {
        type: 'object',
        maxProperties: SETTINGS_MAX,
        additionalProperties: { type: 'string', minLength: 1, maxLength: NAME_MAX_LENGTH },
      },
    },
    options,
  );

/** For fields that may be left out but not be null; `IsOptional` of class-validator lets null through. */
export const MayBeAbsent = () => ValidateIf((_object, value) => value !== undefined);
