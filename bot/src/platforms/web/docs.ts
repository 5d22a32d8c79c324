// /openapi.json from the routes' own schemas, and /docs to read and try it, offline.
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';

/** Swagger UI sets styles from script and draws with data: images; scripts are its own files only. */
const DOCS_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Registered before the routes it describes. */
export async function docs(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Troupe',
        version: '1',
        description: 'Talk to the characters, read texts, vote. Errors are RFC 9457 problem documents with a stable `code`.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } as { name: string },
      },
      servers: [{ url: '/' }],
      tags: [{ name: 'chat' }, { name: 'reading' }, { name: 'session' }, { name: 'operations' }],
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'API_KEY, where one is set' } } },
      security: [{ key: [] }, {}],
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => onlyUsed(jsonSchemaTransformObject(document)),
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: DOCS_CSP,
    theme: { title: 'Troupe API', css: [{ filename: 'troupe.css', content: '.swagger-ui .topbar { display: none }' }] },
    uiConfig: { docExpansion: 'list', defaultModelsExpandDepth: 0, tryItOutEnabled: true },
  });
  app.get('/openapi.json', { schema: { hide: true } as object }, async () => app.swagger());
}

/** Every schema comes twice, as it is sent and as it is answered: keeps what a route refers to, each under its plain name where that is free. */
function onlyUsed<T extends object>(document: T): T {
  const { components, ...rest } = document as T & { components: { schemas: Record<string, object> } };
  const used = new Set<string>();
  const follow = (value: unknown): void => {
    for (const [, name = ''] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (used.has(name)) continue;
      used.add(name);
      follow(components.schemas[name] ?? {});
    }
  };
  follow(rest);
  const schemas = Object.fromEntries(Object.entries(components.schemas).filter(([name]) => used.has(name)));
  const plain = (name: string) => (name.endsWith('Input') && !used.has(name.slice(0, -5)) ? name.slice(0, -5) : name);
  const text = JSON.stringify({ ...rest, components: { ...components, schemas } });
  return JSON.parse(text.replace(/"(#\/components\/schemas\/)?(\w+Input)"/g, (_, path = '', name) => `"${path}${plain(name)}"`));
}
