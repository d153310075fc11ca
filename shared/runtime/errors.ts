import { bandwidthErrors } from './errors/bandwidth.ts';
import { latencyErrors } from './errors/latency.ts';
import { modelErrors } from './errors/model.ts';
import { plannerErrors } from './errors/planner.ts';
import { platformErrors } from './errors/platform.ts';
import { wireErrors } from './errors/wire.ts';

/**
 * The closed list of error codes: each code with the sentence that tells its reader what to do.
 * Codes are API: they are never renamed and never reused for another meaning.
 */
export const errorCatalogue = {
  ...modelErrors,
  ...latencyErrors,
  ...bandwidthErrors,
  ...plannerErrors,
  ...platformErrors,
  ...wireErrors,
} as const;

export type ErrorCode = keyof typeof errorCatalogue;

/** The one error class: a stable code, a message for people, the cause kept. */
export class FleetError extends Error {
  override readonly name = 'FleetError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  /** What the reader should do about it. */
  get advice(): string {
    return errorCatalogue[this.code];
  }
}

/** @returns whether `error` is a FleetError, with this code if one is given */
export function isFleetError(error: unknown, code?: ErrorCode): error is FleetError {
  return error instanceof FleetError && (code === undefined || error.code === code);
}

/**
 * @returns what a process that ends by an error says: the message, and on a line of its own the code with its advice;
 *   what nobody foresaw is `internal`
 */
export function describeFailure(error: unknown): string {
  const code = isFleetError(error) ? error.code : 'internal';
  return `${messageOf(error)}\n  ${code}: ${errorCatalogue[code]}\n`;
}

/** @returns the message of whatever was thrown, on one line */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ');
}
