import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { ModelPackage } from '../../shared/model/model-package.ts';
import type { Credentials } from '../../shared/protocol/http.ts';

/** The few HTTP resources that a worker needs of a control plane, over a real socket. */
export interface ControlPlaneStub {
  url: string;
  /** Bodies that were put as profiles. */
  profiles: unknown[];
  /** How many requests came, by "METHOD /path". */
  requests: Map<string, number>;
  /** Resolves with the next profile that arrives. */
  nextProfile(): Promise<unknown>;
  close(): Promise<void>;
}

export interface ControlPlaneStubOptions {
  packages: readonly Pick<ModelPackage, 'manifest' | 'bytes'>[];
  enrolmentToken: string;
  /** Where members are told that the broker is. */
  brokerUrl: string;
  credentialsFor(id: string): Credentials;
}

export async function startControlPlaneStub(options: ControlPlaneStubOptions): Promise<ControlPlaneStub> {
  const profiles: unknown[] = [];
  const requests = new Map<string, number>();
  const listeners: ((profile: unknown) => void)[] = [];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const name = `${request.method} ${request.url}`;
    requests.set(name, (requests.get(name) ?? 0) + 1);
    const body = await readJson(request);
    if (name === 'POST /api/v1/workers') {
      if (request.headers.authorization !== `Bearer ${options.enrolmentToken}`) return problem(response, 401);
      const id = typeof body === 'object' && body !== null && 'id' in body ? String(body.id) : '';
      return send(response, 201, JSON.stringify(options.credentialsFor(id)));
    }
    if (name === 'PUT /api/v1/profiles') {
      profiles.push(body);
      for (const listener of listeners.splice(0)) listener(body);
      return send(response, 200, '{}');
    }
    if (name === 'GET /api/v1/broker') return send(response, 200, JSON.stringify({ brokerUrl: options.brokerUrl }));
    const [, digest, part] = /^GET \/api\/v1\/models\/([^/]+)\/(manifest|file)$/.exec(name) ?? [];
    const found = options.packages.find(({ manifest }) => manifest.digest === digest);
    if (found === undefined) return problem(response, 404);
    send(response, 200, part === 'file' ? found.bytes : JSON.stringify(found.manifest));
  }

  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    profiles,
    requests,
    nextProfile: () => new Promise((resolve) => listeners.push(resolve)),
    async close() {
      if (!server.listening) return;
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const piece of request) text += String(piece);
  return text === '' ? undefined : JSON.parse(text);
}

function send(response: ServerResponse, status: number, body: Uint8Array | string): void {
  response.writeHead(status).end(body);
}

function problem(response: ServerResponse, status: number): void {
  const code = status === 404 ? 'not-found' : 'token-invalid';
  const body = { type: 'about:blank', title: code, status, code, detail: 'as the test wants it' };
  response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(body));
}
