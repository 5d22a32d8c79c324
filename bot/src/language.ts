// Tells when a message is surely not English. In doubt it is English: a wrong refusal is worse than a puzzled answer.
import { detectAll } from 'tinyld';

export interface Language {
  code: string;
  /** Says in that language that only English is understood; empty where we have no words. */
  apology: string;
}

/** Function words that English does not share, and the apology. */
const latin: Record<string, [words: string, apology: string]> = {
  de: [
    'ich du er wir ihr mich dich mir dir uns der das den dem ein eine einen einem einer und oder aber nicht kein keine ist bin bist sind war waren habe hast hat haben wird werde kann kannst muss müssen mein meine dein deine sehr auch noch schon nur heute gestern morgen wenn weil dass mit für von zu zum zur auf aus bei nach über wie warum wer wo doch mal ja nein bitte danke immer nie mehr geht gut traurig',
    'Ich verstehe leider nur Englisch.',
  ],
  es: [
    'yo tú él ella nosotros mi mis tu tus su sus el los las un una unos y pero no que qué es soy eres estoy está estás están fue era tengo tiene tienes muy más también hoy ayer mañana porque con para por de del en al cómo dónde cuándo quién me te se lo le nos hay ser estar puedo quiero quieres hola gracias nada todo siempre nunca bien triste',
    'Lo siento, solo entiendo inglés.',
  ],
  fr: [
    "je j'ai j'étais tu il elle nous vous ils mon ma mes ton ta tes son sa le la les un une des et mais ou ne pas plus que qui est suis es sont était ai avez avons très aussi aujourd'hui hier demain parce avec pour par de du dans au aux comment où quand pourquoi me te se lui c'est qu'est d'un l'on bonjour merci rien tout toujours jamais bien triste fatigué",
    'Désolé, je ne comprends que l’anglais.',
  ],
  it: [
    'io tu lui lei noi voi mio mia tuo tua il lo la gli le un uno una e ma non che è sono sei siamo era ho hai ha abbiamo molto più anche oggi ieri domani perché con per di del della nel al come dove quando chi mi ti si ci questo questa ciao grazie niente tutto sempre mai bene triste',
    'Mi dispiace, capisco solo l’inglese.',
  ],
  pt: [
    'eu você ele ela nós meu minha teu tua seu sua o os as um uma e mas não que é sou estou está são foi era tenho tem muito mais também hoje ontem amanhã porque com para por de do da em no na ao como onde quando quem me te se lhe isso isto olá obrigado obrigada nada tudo sempre nunca bem triste tão',
    'Desculpa, só entendo inglês.',
  ],
  nl: [
    'ik jij je hij zij wij jullie mij jou mijn jouw zijn haar de het een en maar niet geen is ben bent was waren heb hebt heeft hebben wordt kan kun moet heel erg ook nog al alleen vandaag gisteren morgen omdat dat met voor van naar op uit bij hoe waarom wie waar wel ja nee graag dank zo moe ga gaat goed',
    'Sorry, ik begrijp alleen Engels.',
  ],
  sv: [
    'jag du han hon vi ni mig dig min mitt din ditt sin den det en ett och men inte ingen är var har hade blir kan ska måste mycket också än bara idag igår imorgon för att med av till på från hos hur varför vem vad när ja nej tack alltid aldrig så ledsen mår bra',
    'Jag förstår tyvärr bara engelska.',
  ],
  da: [
    'jeg du han hun vi mig dig min mit din dit den det en et og men ikke ingen er var har havde bliver kan skal må meget også kun i dag går morgen fordi at med af til på fra hvordan hvorfor hvem hvad når ja nej tak altid aldrig så ked godt',
    'Jeg forstår desværre kun engelsk.',
  ],
  pl: [
    'ja ty on ona my wy mnie mi ciebie ci mój moja twój jest jestem jesteś są był była mam masz ma nie tak i ale bardzo też dzisiaj dziś wczoraj jutro bo ponieważ z ze dla do od w we na po jak gdzie kiedy kto co się to ten ta cześć dziękuję nic wszystko zawsze nigdy dobrze smutny smutna',
    'Przepraszam, rozumiem tylko po angielsku.',
  ],
  tr: [
    'ben sen biz siz onlar beni seni bana sana benim senin bir ve ama değil var yok çok da de bugün dün yarın çünkü ile için gibi daha nasıl neden nerede kim ne bu şu her hiç şey iyi kötü evet hayır merhaba teşekkürler üzgünüm mı mi',
    'Üzgünüm, yalnızca İngilizce anlıyorum.',
  ],
  fi: [
    'minä sinä hän me te he minun sinun minua olen olet on ovat oli olin ei en et ja mutta tai että koska kun jos niin myös vain tänään eilen huomenna mitä miksi missä kuka miten hyvä huono kiitos hei kyllä aina koskaan todella paljon surullinen',
    'Valitettavasti ymmärrän vain englantia.',
  ],
  ro: [
    'eu tu el ea noi voi meu mea tău ta și dar nu este sunt ești am ai are foarte mai azi astăzi ieri mâine pentru că cu de la în pe din cum unde când cine ce mă te se îmi îți bună mulțumesc nimic tot totul mereu niciodată bine trist tristă',
    'Îmi pare rău, înțeleg doar engleza.',
  ],
  id: [
    'saya aku kamu dia kami kita mereka ini itu dan tapi tidak nggak gak bukan ada sudah belum akan bisa harus sangat banget juga hari kemarin besok karena dengan untuk dari di ke yang apa siapa mana kapan kenapa bagaimana terima kasih selalu sedih baik lagi',
    'Maaf, saya hanya mengerti bahasa Inggris.',
  ],
};

/** English speakers' borrowings; they tell nothing. */
const borrowed =
  /\b(?:c'est la vie|je ne sais quoi|que ser[aá],? ser[aá]|mi casa es su casa|hasta la vista|ich liebe dich|la vie en rose|carpe diem)\b/gi;

/** Words that make a message English however odd the rest; those that are words elsewhere too are left out. */
const english = new Set(
  `i'm i've i'll i'd im ive id the and you your youre you're u ur he's she his her they them their we our us it it's its this that these those is are was were be been
  being am do does did doing don't dont didn't can can't cant could would should will won't wont have has had having not what whats what's why who how when where which with from
  for about into over under then than there here some any every all just really very much too also only but or because cuz bc if so of to in on at by my myself me mine like love
  hate want wanna need gonna gotta know think feel feeling feels felt got get getting go going went come make made say said tell told see look good bad sad happy tired day today
  tomorrow yesterday now never always again still still please thanks thank hello hey hi yes yeah yep nope nah ok okay lol lmao omg bruh bro idk tbh ngl fr rn smh wtf ugh haha
  hahaha people man girl guy friend mom dad work job school night morning time life thing things stuff something nothing anything everything one two first last new old`.split(
    /\s+/,
  ),
);

/** Words of the lists above that are English words as well, and so prove little. */
const shared = new Set(
  'i a an am as at me my to do on so in no he we is was war hat her den man met an are has ten ton son sale mine pour tot nog al bin die mit mal tu ta te la le les lo los el un una uno un en et de da di du con per per se si su ser ai an ja ben var ma min din she us tak sun ha sea'.split(
    ' ',
  ),
);

const scripts: [RegExp, string, string][] = [
  [/\p{Script=Cyrillic}/u, 'ru', 'Извините, я понимаю только по-английски.'],
  [/\p{Script=Greek}/u, 'el', 'Λυπάμαι, καταλαβαίνω μόνο αγγλικά.'],
  [/\p{Script=Arabic}/u, 'ar', 'عذرًا، أفهم الإنجليزية فقط.'],
  [/\p{Script=Hebrew}/u, 'he', 'מצטער, אני מבין רק אנגלית.'],
  [/\p{Script=Devanagari}/u, 'hi', 'माफ़ कीजिए, मैं केवल अंग्रेज़ी समझता हूँ।'],
  [/\p{Script=Hiragana}|\p{Script=Katakana}/u, 'ja', 'すみません、英語しかわかりません。'],
  [/\p{Script=Hangul}/u, 'ko', '죄송하지만 영어만 이해할 수 있어요.'],
  [/\p{Script=Han}/u, 'zh', '抱歉，我只懂英语。'],
  [/\p{Script=Thai}/u, 'th', 'ขอโทษ ฉันเข้าใจแต่ภาษาอังกฤษ'],
];

const vocabulary = Object.entries(latin).map(([code, [words, apology]]) => ({ code, words: new Set(words.split(' ')), apology }));

/** The language when it is surely another than English; null in every doubt. */
export function otherLanguage(text: string): Language | null {
  const plain = text
    .normalize('NFKC')
    .replace(/```[\s\S]*?(```|$)|`[^`]*`/g, ' ')
    .replace(/https?:\/\/\S+|[@#]\S+|:\w+:/g, ' ')
    .replace(/[’‘ʼ]/g, "'")
    .replace(borrowed, ' ');
  return byScript(plain) ?? byWords(plain);
}

/** Mostly letters of another script, and two of them side by side: a lone one is a face, as in ¯\_(ツ)_/¯. */
function byScript(text: string): Language | null {
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  const foreign = text.match(/(?!\p{Script=Latin})\p{L}/gu)?.length ?? 0;
  if (foreign < 2 || foreign / letters < 0.6) return null;
  for (const [script, code, apology] of scripts) {
    const run = new RegExp(`(?:${script.source}){2}`, 'u');
    if (run.test(text)) return { code, apology };
  }
  return /(?!\p{Script=Latin})\p{L}{4}/u.test(text) ? { code: 'und', apology: '' } : null;
}

function byWords(text: string): Language | null {
  const words = text.toLowerCase().match(/\p{L}[\p{L}\p{M}']*/gu) ?? [];
  if (words.length < 3) return null;
  const counted = vocabulary
    .map((language) => ({ ...language, hits: new Set(words.filter((word) => language.words.has(word))) }))
    .sort((a, b) => b.hits.size - a.hits.size);
  const best = counted[0];
  if (!best) return null;
  const englishWords = words.filter((word) => english.has(word) && !best.hits.has(word)).length;
  const share = words.filter((word) => best.hits.has(word)).length / words.length;
  if (best.hits.size < 2 || englishWords / words.length > 0.2 || share < 0.3 || share * words.length <= englishWords * 2) return null;
  if ([...best.hits].filter((word) => !shared.has(word)).length < 2) return null;
  // Two small words may be chance; three, or a model of letters that agrees, are not.
  const guesses = detectAll(text).slice(0, 3);
  const agrees = guesses.some((guess) => counted.some((language) => language.code === guess.lang && language.hits.size === best.hits.size));
  if (guesses[0]?.lang === 'en' && best.hits.size < 4) return null;
  return agrees || (best.hits.size >= 3 && share >= 0.4) ? { code: best.code, apology: best.apology } : null;
}
