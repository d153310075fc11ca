import { FleetError } from '../runtime/errors.ts';

interface Job<Request, Reply> {
  readonly request: Request;
  resolve(reply: Reply): void;
  reject(error: FleetError): void;
  /** Stops listening to the signal. */
  detach(): void;
}

/**
 * Requests that wait for a peer which answers one after the other, in the order in which it got them.
 * INVARIANT the peer holds no more than `mostInFlight` that it has not answered.
 */
export interface JobQueue<Request, Reply> {
  submit(request: Request, options: { priority?: 'normal' | 'urgent'; signal?: AbortSignal }): Promise<Reply>;
  /** The peer has answered the oldest request in flight. */
  settle(reply: Reply): void;
  failWaiting(error: FleetError): void;
  /** Fails all jobs, those in flight too, and every one submitted later. */
  close(error: FleetError): void;
  readonly size: number;
}

export function createJobQueue<Request, Reply>(
  send: (request: Request) => void,
  mostInFlight: number,
): JobQueue<Request, Reply> {
  const waiting: { urgent: Job<Request, Reply>[]; normal: Job<Request, Reply>[] } = { urgent: [], normal: [] };
  const inFlight: Job<Request, Reply>[] = [];
  let closed: FleetError | undefined;

  function advance(): void {
    while (inFlight.length < mostInFlight) {
      const job = waiting.urgent.shift() ?? waiting.normal.shift();
      if (job === undefined) return;
      job.detach();
      inFlight.push(job);
      try {
        send(job.request);
      } catch (cause) {
        inFlight.pop();
        job.reject(new FleetError('tensor-unsupported', 'the tensors cannot be handed over', { cause }));
      }
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
      inFlight.shift()?.resolve(reply);
      advance();
    },
    failWaiting,
    close(error) {
      closed ??= error;
      for (const job of inFlight.splice(0)) job.reject(error);
      failWaiting(error);
    },
    get size() {
      return waiting.urgent.length + waiting.normal.length + inFlight.length;
    },
  };
}

function cancelled(signal: AbortSignal): FleetError {
  return new FleetError('inference-cancelled', 'the job was withdrawn before it ran', { cause: signal.reason });
}
