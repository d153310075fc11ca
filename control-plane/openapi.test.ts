import { expect, test } from 'vitest';
import { startControlPlane } from './testing/start-control-plane.ts';

interface Body {
  properties?: Record<string, Body>;
  required?: string[];
}

interface Operation {
  operationId?: string;
  summary?: string;
  security?: Record<string, unknown>[];
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { content: Record<string, { schema?: Body }> };
  responses: Record<string, { description?: string; content?: Record<string, { schema?: object }> }>;
}

async function readDocument() {
  const plane = await startControlPlane();
  const response = await plane.http.inject({ url: '/api/v1/openapi.json' });
  const document = response.json<{
    openapi: string;
    info: { title: string; version: string };
    components: { securitySchemes: Record<string, object> };
    paths: Record<string, Record<string, Operation>>;
  }>();
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
  return { plane, document, operations };
}

test('the description keeps the rules of OpenAPI 3.1', async () => {
  const { document, operations } = await readDocument();
  expect(document.openapi).toBe('3.1.0');
  expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) });
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(operations.length);
  for (const { path, operation } of operations) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
    expect(declared.map(({ name }) => name).sort()).toEqual(inPath.sort());
    expect(declared.every(({ required }) => required === true)).toBe(true);
    for (const [status, response] of Object.entries(operation.responses)) {
      expect(status).toMatch(/^([2-5]\d\d|[45]XX)$/);
      expect(response.description).toEqual(expect.any(String));
    }
  }
  expect(JSON.stringify(document)).not.toContain('$ref');
});

test('every route says what it is for, who may call it and how it fails', async () => {
  const { document, operations } = await readDocument();
  for (const { path, operation } of operations) {
    expect(operation.summary).toEqual(expect.any(String));
    const schemes = (operation.security ?? []).flatMap((requirement) => Object.keys(requirement));
    expect(schemes).toHaveLength(path === '/api/v1/healthz' ? 0 : 1);
    expect(schemes.every((scheme) => scheme in document.components.securitySchemes)).toBe(true);
    expect(operation.responses['4XX']?.content?.['application/problem+json']?.schema).toBeDefined();
  }
});

test('a change of the policy may name any one setting of the detector', async () => {
  const { document } = await readDocument();
  const operation = document.paths['/api/v1/policy']?.put;
  const body = operation?.requestBody?.content['application/json']?.schema;
  const detector = body?.properties?.detector;
  expect(Object.keys(detector?.properties ?? {})).toContain('confidence');
  expect(detector?.required).toBeUndefined();
});

test('the description can be browsed', async () => {
  const { plane } = await readDocument();
  const page = await plane.http.inject({ url: '/api/v1/docs/' });
  expect(page.headers['content-type']).toContain('text/html');
  expect(page.headers['content-security-policy']).toContain("default-src 'self'");
});
