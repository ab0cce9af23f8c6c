import { Global, Module } from '@nestjs/common';
import { systemClock, systemRandom } from '#libs/kernel';

export const CLOCK = Symbol('Clock');
export const RANDOM = Symbol('Random');

/** Time and randomness, injected so that tests can bring their own. */
@Global()
@Module({
  providers: [
    { provide: CLOCK, useValue: systemClock },
    { provide: RANDOM, useValue: systemRandom },
  ],
  exports: [CLOCK, RANDOM],
})
export class ClockModule {}
