// How the bot gets into a server.
import { OAuth2Routes, PermissionFlagsBits } from 'discord.js';

/** What it cannot do without: see the channel, answer in it and in its threads, and find its own answers again. */
const permissions =
  PermissionFlagsBits.ViewChannel |
  PermissionFlagsBits.SendMessages |
  PermissionFlagsBits.SendMessagesInThreads |
  PermissionFlagsBits.ReadMessageHistory;

/** A bot's user id is its application's id. */
export function inviteLink(applicationId: string): string {
  return `${OAuth2Routes.authorizationURL}?client_id=${applicationId}&scope=bot&permissions=${permissions}`;
}
