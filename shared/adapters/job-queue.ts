import { FleetError } from '../runtime/errors.ts';

interface Job<Request, Reply> {
  readonly request: Request;
  resolve(reply: Reply): void;
  reject(error: FleetError): void;
  /** Stops listening to the signal. */
  detach(): void;
}

/**
 * Requests that wait for a peer which answers one at a time.
 * INVARIANT `send` is called again only after `settle`.
 */
export interface JobQueue<Request, Reply> {
  submit(request: Request, options: { priority?: 'normal' | 'urgent'; signal?: AbortSignal }): Promise<Reply>;
  /** The peer has answered the request in flight. */
  settle(reply: Reply): void;
  failWaiting(error: FleetError): void;
  /** Fails all jobs, the one in flight too, and every one submitted later. */
  close(error: FleetError): void;
  readonly size: number;
}

export function createJobQueue<Request, Reply>(send: (request: Request) => void): JobQueue<Request, Reply> {
  const waiting: { urgent: Job<Request, Reply>[]; normal: Job<Request, Reply>[] } = { urgent: [], normal: [] };
  let inFlight: Job<Request, Reply> | undefined;
  let closed: FleetError | undefined;

  function advance(): void {
    if (inFlight !== undefined) return;
    inFlight = waiting.urgent.shift() ?? waiting.normal.shift();
    if (inFlight === undefined) return;
    const job = inFlight;
    job.detach();
    try {
      send(job.request);
    } catch (cause) {
      inFlight = undefined;
      job.reject(new FleetError('tensor-unsupported', 'the tensors cannot be handed over', { cause }));
      advance();
    }
  }

  function failWaiting(error: FleetError): void {
    for (const job of [...waiting.urgent.splice(0), ...waiting.normal.splice(0)]) {
      job.detach();
      job.reject(error);
    }
  }

  return {
    submit: (request, { priority = 'normal', signal }) =>
      new Promise<Reply>((resolve, reject) => {
        if (closed !== undefined) return reject(closed);
        if (signal?.aborted) return reject(cancelled(signal));
        const line = waiting[priority];
        const withdraw = () => {
          line.splice(line.indexOf(job), 1);
          if (signal !== undefined) reject(cancelled(signal));
        };
        const job = { request, resolve, reject, detach: () => signal?.removeEventListener('abort', withdraw) };
        signal?.addEventListener('abort', withdraw, { once: true });
        line.push(job);
        advance();
      }),
    settle(reply) {
      const job = inFlight;
      inFlight = undefined;
      job?.resolve(reply);
      advance();
    },
    failWaiting,
    close(error) {
      closed ??= error;
      inFlight?.reject(error);
      inFlight = undefined;
      failWaiting(error);
    },
    get size() {
      return waiting.urgent.length + waiting.normal.length + (inFlight === undefined ? 0 : 1);
    },
  };
}

function cancelled(signal: AbortSignal): FleetError {
  return new FleetError('inference-cancelled', 'the job was withdrawn before it ran', { cause: signal.reason });
}
