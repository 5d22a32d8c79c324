// Slack as a platform: Socket Mode with an app token, or signed HTTP on the product's own address with a signing secret.
import { z } from 'zod';
import type { PlatformModule } from '../../platform.ts';
import type { SlackSettings } from './slack.ts';

const token = z
  .string()
  .trim()
  .transform((text) => text || undefined)
  .optional();

const settings = z
  .object({
    SLACK_BOT_TOKEN: token,
    SLACK_APP_TOKEN: token,
    SLACK_SIGNING_SECRET: token,
    SLACK_API_URL: z.union([z.literal('').transform(() => undefined), z.url('a URL such as https://slack.com/api/')]).optional(),
    HTTPS_PROXY: token,
    NO_PROXY: token,
  })
  .transform((env, context): SlackSettings | null => {
    const { SLACK_BOT_TOKEN: botToken, SLACK_APP_TOKEN: appToken, SLACK_SIGNING_SECRET: signingSecret } = env;
    const refuse = (path: string, message: string) => {
      context.addIssue({ code: 'custom', path: [path], message });
      return z.NEVER;
    };
    if (!botToken) {
      const alone = appToken ? 'SLACK_APP_TOKEN' : signingSecret ? 'SLACK_SIGNING_SECRET' : undefined;
      return alone ? refuse('SLACK_BOT_TOKEN', `needed with ${alone}: the bot token (xoxb-…) of the Slack app`) : null;
    }
    if (!appToken && !signingSecret)
      return refuse(
        'SLACK_APP_TOKEN',
        'needed with SLACK_BOT_TOKEN: an app token (xapp-…), or set SLACK_SIGNING_SECRET to receive over HTTP',
      );
    return {
      botToken,
      apiUrl: env.SLACK_API_URL,
      proxy: env.HTTPS_PROXY ? { url: env.HTTPS_PROXY, except: env.NO_PROXY } : undefined,
      // Slack sends to one of the two; an app that has an app token has Socket Mode on.
      receive: appToken ? { by: 'socket', appToken } : { by: 'http', signingSecret: signingSecret! },
    };
  });

export const platform: PlatformModule<SlackSettings> = {
  name: 'slack',
  settings,
  howToTurnOn: 'set SLACK_BOT_TOKEN and SLACK_APP_TOKEN (Socket Mode), or SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET (HTTP)',
  create: async (slack, context) => (await import('./slack.ts')).createSlack(slack, context),
};
