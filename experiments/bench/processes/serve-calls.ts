import { FleetError, messageOf } from '../../../shared/runtime/errors.ts';
import { callParser } from './call-messages.ts';

/** Answers one kind of call; what it throws is told to the caller. */
export type CallHandler = (argument: unknown) => Promise<unknown>;

/**
 * Answers the calls of the process that started this one, and ends when that one lets go of it or has ended.
 * @param onEnd lets go of what the handlers have made
 * @throws {FleetError} `usage` where nobody can call
 */
export function serveCalls(handlers: Readonly<Record<string, CallHandler>>, onEnd: () => Promise<void>): void {
  if (process.send === undefined) throw new FleetError('usage', 'this process is started by `edgent bench` alone');
  process.on('message', (message) => void answer(handlers, message));
  process.once('disconnect', () => {
    onEnd().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
  // A signal to the whole group: the caller ends in its own order, and lets go of this process then.
  process.on('SIGINT', () => undefined);
}

async function answer(handlers: Readonly<Record<string, CallHandler>>, message: unknown): Promise<void> {
  const { id, name, argument } = callParser.parse(message);
  try {
    const handler = handlers[name];
    if (handler === undefined) throw new FleetError('not-found', `there is no call ${name}`);
    process.send?.({ id, value: await handler(argument) });
  } catch (error) {
    process.send?.({ id, failed: messageOf(error) });
  }
}
