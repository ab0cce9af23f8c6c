import { DomainError } from '#libs/kernel';
import { type AnyStateMachine, transition } from 'xstate';

/** A noun's states and events as pure functions over an XState machine; nothing is run and nothing is kept. */
export interface Lifecycle<State extends string, Event extends string> {
  readonly initial: State;
  readonly states: readonly State[];
  /** The events that are possible in a state. */
  possible(state: State): Event[];
  can(state: State, event: Event): boolean;
  /**
   * The state after an event.
   * @throws DomainError `illegal_transition`, naming the state, the event and the events that are possible.
   */
  next(state: State, event: Event): State;
}

/**
 * Wraps a machine of flat states. XState ignores an event that a state does not know; here it is an error.
 *
 * @param noun what people call the thing, for the error's sentence
 */
export function lifecycle<State extends string, Event extends string>(
  noun: string,
  machine: AnyStateMachine,
): Lifecycle<State, Event> {
  const at = (state: State) => machine.resolveState({ value: state, context: {} });
  const possible = (state: State) => Object.keys(machine.states[state]?.config.on ?? {}) as Event[];
  const can = (state: State, event: Event) => possible(state).includes(event);
  /** Worked out once each: the machines have no context that it could depend on, and XState takes its time. */
  const following = new Map<string, State>();
  const after = (state: State, event: Event): State => {
    const [next] = transition(machine, at(state), { type: event });
    return next.value as State;
  };

  return {
    initial: machine.config.initial as State,
    states: Object.keys(machine.states) as State[],
    possible,
    can,
    next(state, event) {
      if (!can(state, event)) {
        const options = possible(state).join(', ') || 'none';
        throw new DomainError(
          'illegal_transition',
          `The ${noun} is ${state}: ${event} is not possible now. Possible: ${options}.`,
          { context: { noun, state, event } },
        );
      }
      const key = `${state} ${event}`;
      const next = following.get(key) ?? after(state, event);
      following.set(key, next);
      return next;
    },
  };
}
