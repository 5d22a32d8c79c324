// The packages that a role needs from its start. Imported before TypeScript is, they do not go through its loader, which keeps a source map of each:
// some 35 MB and a quarter of a second. One that is missing here is found all the same, through the loader.
const each = ['bullmq', 'ioredis', 'pino', 'prom-client', 'zod'];
const inference = ['@huggingface/tokenizers'];
const bot = [
  ...['@electric-sql/pglite', '@prisma/adapter-pg', '@prisma/client/runtime/client', 'pg'],
  ...['fastify', 'fastify-type-provider-zod', '@fastify/cookie', '@fastify/rate-limit', '@fastify/static', '@fastify/swagger'],
  ...['@fastify/swagger-ui', '@fastify/under-pressure', 'tinyld'],
];

/** Names to import, for `bot`, `inference` or `all`. */
export function packagesOf(role) {
  return { bot: [...each, ...bot], inference: [...each, ...inference], all: [...each, ...inference, ...bot] }[role];
}
