import { Agent, type IncomingMessage, request } from 'node:http';
import { FleetError } from '../../../shared/runtime/errors.ts';
import type { ImageForm } from './classifier.ts';

/** Uploads images over one connection that is kept. */
export interface HttpClient {
  /** @returns the label @throws {FleetError} `http-failed` */
  classify(form: ImageForm, bytes: Uint8Array): Promise<string>;
  close(): void;
}

export function createHttpClient(host: string, port: number): HttpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, noDelay: true });
  return {
    async classify(form, bytes) {
      const headers = { 'content-type': 'application/octet-stream', 'content-length': bytes.length };
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const sent = request({ agent, host, port, path: `/${form}`, method: 'POST', headers }, resolve);
        sent.once('error', (cause) => reject(new FleetError('http-failed', cause.message, { cause })));
        sent.end(bytes);
      });
      const parts: Buffer[] = [];
      for await (const part of answer) parts.push(part);
      const text = Buffer.concat(parts).toString();
      if (answer.statusCode !== 200) throw new FleetError('http-failed', `${answer.statusCode}: ${text}`);
      return text;
    },
    close: () => agent.destroy(),
  };
}
