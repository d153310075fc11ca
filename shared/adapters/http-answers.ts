import { Value } from 'typebox/value';
import { type Problem, ProblemSchema } from '../protocol/http.ts';
import { type ErrorCode, errorCatalogue, FleetError, messageOf } from '../runtime/errors.ts';

/** @returns the problem that a control plane answered by; undefined where the body is none @see RFC 9457 */
export function problemIn(body: string): Problem | undefined {
  try {
    const problem: unknown = JSON.parse(body);
    return Value.Check(ProblemSchema, problem) ? problem : undefined;
  } catch {
    // Something between here and the control plane answered: its text says what it is.
    return undefined;
  }
}

/**
 * @param what was asked, for the message
 * @returns the error that a refusal tells of, under its own code; `http-answer-unexpected` where it is no problem, or one
 *   that this release does not know
 */
export function refusalOf(what: string, status: number, body: string): FleetError {
  const problem = problemIn(body);
  if (problem === undefined) return new FleetError('http-answer-unexpected', `${what}: ${status} ${beginOf(body)}`);
  const { code, title, detail } = problem;
  if (isKnown(code)) return new FleetError(code, `${what}: ${detail}`);
  return new FleetError('http-answer-unexpected', `${what}: ${status} ${code}: ${detail} (${title})`);
}

/** @returns why no answer came: fetch says no more than "fetch failed", the reason stands one level deeper */
export function connectionFailure(what: string, cause: unknown): FleetError {
  const deeper = cause instanceof Error && cause.cause !== undefined ? ` (${messageOf(cause.cause)})` : '';
  return new FleetError('http-failed', `${what}: ${messageOf(cause)}${deeper}`, { cause });
}

/** @returns as much of an answer that cannot be read as tells who gave it */
export function beginOf(body: string): string {
  return body.slice(0, 200);
}

function isKnown(code: string): code is ErrorCode {
  return Object.hasOwn(errorCatalogue, code);
}
