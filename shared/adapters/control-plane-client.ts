import { randomUUID } from 'node:crypto';
import { brokerAddressParser, type Credentials, credentialsParser, type Registration } from '../protocol/http.ts';
import type { Profile } from '../protocol/profile.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { FleetError } from '../runtime/errors.ts';
import { fullJitterDelayMs } from '../runtime/retry.ts';
import { beginOf, connectionFailure, problemIn, refusalOf } from './http-answers.ts';

export interface ControlPlaneClientOptions {
  /** http:// or https://, without /api. */
  baseUrl: string;
  /** Access token; registering replaces it by the one that was given out. */
  token?: string;
  /** Lets this process register once. */
  enrolmentToken?: string;
  fetch?: typeof globalThis.fetch;
  clock?: Clock;
  /** In [0, 1); injected for tests. */
  random?: () => number;
  /** Longest wait for an answer to begin, and for each further piece of it, ms. */
  timeoutMs?: number;
  /** How often a request is sent before its failure is reported. */
  attempts?: number;
  /** Longest wait between two attempts, ms. */
  maxDelayMs?: number;
}

/**
 * What devices and workers ask of the control plane over HTTP. What may succeed later (no connection, timeout,
 * 408, 425, 429, 5xx) is tried again after a wait of full jitter; every method throws {FleetError} `http-failed`.
 * Registering, which somebody waits for who can mend it, is refused under the code that the control plane answered.
 */
export interface ControlPlaneClient {
  registerDevice(registration: Registration, signal?: AbortSignal): Promise<Credentials>;
  registerWorker(registration: Registration, signal?: AbortSignal): Promise<Credentials>;
  /** @returns where the broker is now */
  fetchBrokerUrl(signal?: AbortSignal): Promise<string>;
  /** @returns the manifest as it came, neither parsed nor checked: its digest is that of these bytes */
  fetchManifest(digest: string, signal?: AbortSignal): Promise<Uint8Array>;
  /** @returns the ONNX file as it came, digest not checked */
  fetchModelFile(digest: string, signal?: AbortSignal): Promise<Uint8Array>;
  putProfile(profile: Profile, signal?: AbortSignal): Promise<void>;
}

interface Call {
  method: 'GET' | 'POST' | 'PUT';
  path: string;
  token: string | undefined;
  body?: unknown;
  signal: AbortSignal | undefined;
  /** A refusal is thrown under its own code. */
  tellsWhy?: boolean;
}

/** What one attempt came to: an answer's bytes, or why there is none and whether it is worth another attempt. */
type Attempt = { bytes: Uint8Array } | { error: FleetError; refused?: FleetError; again: boolean; waitMs: number };

const mayPass = new Set([408, 425, 429, 500, 502, 503, 504]);

export function createControlPlaneClient(options: ControlPlaneClientOptions): ControlPlaneClient {
  const { baseUrl, clock = systemClock, random = Math.random, attempts = 5, maxDelayMs = 5000 } = options;
  const { fetch = globalThis.fetch, timeoutMs = 10_000 } = options;
  let token = options.token;

  async function send(call: Call): Promise<Uint8Array> {
    const url = new URL(`/api/v1/${call.path}`, baseUrl).toString();
    const idempotencyKey = randomUUID();
    for (let failures = 1; ; failures += 1) {
      const attempt = await sendOnce(call, { url, idempotencyKey, fetch, timeoutMs });
      if ('bytes' in attempt) return attempt.bytes;
      if (!attempt.again || failures >= attempts || call.signal?.aborted === true) {
        throw (call.tellsWhy === true && attempt.refused) || attempt.error;
      }
      await wait(Math.max(attempt.waitMs, fullJitterDelayMs(failures, maxDelayMs, random)), clock, call.signal);
    }
  }

  async function register(path: string, body: Registration, signal?: AbortSignal): Promise<Credentials> {
    const bytes = await send({ method: 'POST', path, token: options.enrolmentToken, body, signal, tellsWhy: true });
    const credentials = credentialsParser.parseJson(bytes);
    token = credentials.token;
    return credentials;
  }

  return {
    registerDevice: (registration, signal) => register('devices', registration, signal),
    registerWorker: (registration, signal) => register('workers', registration, signal),
    async fetchBrokerUrl(signal) {
      const bytes = await send({ method: 'GET', path: 'broker', token, signal });
      return brokerAddressParser.parseJson(bytes).brokerUrl;
    },
    fetchManifest: (digest, signal) => send({ method: 'GET', path: `models/${digest}/manifest`, token, signal }),
    fetchModelFile: (digest, signal) => send({ method: 'GET', path: `models/${digest}/file`, token, signal }),
    async putProfile(profile, signal) {
      await send({ method: 'PUT', path: 'profiles', token, body: profile, signal });
    },
  };
}

interface AttemptOptions {
  url: string;
  idempotencyKey: string;
  fetch: typeof globalThis.fetch;
  timeoutMs: number;
}

async function sendOnce(call: Call, { url, idempotencyKey, fetch, timeoutMs }: AttemptOptions): Promise<Attempt> {
  const stalled = new AbortController();
  const stop = (): void => stalled.abort(new Error(`no answer within ${timeoutMs} ms`));
  const timer = setTimeout(stop, timeoutMs);
  const signal = call.signal === undefined ? stalled.signal : AbortSignal.any([stalled.signal, call.signal]);
  const init: RequestInit = { method: call.method, headers: headersOf(call, idempotencyKey), signal };
  if (call.body !== undefined) init.body = JSON.stringify(call.body);
  try {
    const response = await fetch(url, init);
    timer.refresh();
    const bytes = await readBody(response, () => timer.refresh());
    return response.ok ? { bytes } : refusal(`${call.method} ${url}`, response, bytes);
  } catch (cause) {
    return { error: connectionFailure(`${call.method} ${url}`, cause), again: true, waitMs: 0 };
  } finally {
    clearTimeout(timer);
  }
}

function headersOf({ method, token, body }: Call, idempotencyKey: string): Record<string, string> {
  return {
    accept: 'application/json, application/octet-stream, application/problem+json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(method === 'POST' ? { 'idempotency-key': idempotencyKey } : {}),
  };
}

/** Reads a body to its end, however long that takes, as long as pieces go on arriving. */
async function readBody(response: Response, onPiece: () => void): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  if (response.body === null) return new Uint8Array();
  for await (const piece of response.body) {
    pieces.push(piece);
    onPiece();
  }
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
}

/** @see RFC 9457 */
function refusal(what: string, { status, headers }: Response, body: Uint8Array): Attempt {
  const seconds = Number(headers.get('retry-after') ?? 0);
  const text = Buffer.from(body).toString();
  const problem = problemIn(text);
  const why = problem === undefined ? beginOf(text) : `${problem.code}: ${problem.detail}`;
  return {
    error: new FleetError('http-failed', `${what}: ${status} ${why}`),
    refused: refusalOf(what, status, text),
    again: mayPass.has(status),
    waitMs: Number.isFinite(seconds) ? seconds * 1000 : 0,
  };
}

async function wait(delayMs: number, clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const finish = (): void => {
      cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(delayMs, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
  if (signal?.aborted === true) throw new FleetError('http-failed', 'given up while waiting', { cause: signal.reason });
}
