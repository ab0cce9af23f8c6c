import { Module } from '@nestjs/common';
import { APP_PIPE } from '@nestjs/core';
import { InputValidationPipe } from './validation.pipe.js';

@Module({ providers: [{ provide: APP_PIPE, useClass: InputValidationPipe }] })
export class ValidationModule {}
