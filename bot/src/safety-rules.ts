// biome-ignore-all lint/complexity/noUselessStringRaw: every piece of a pattern is written alike
// The rules of safety.ts as a table: what each is for, its pattern, and messages that must fire it. Patterns meet text in lower case without
// apostrophes and accents, sentences parted by ` | `. Traps are taken out of the text first: everyday phrases that only sound grave.

export type Category = 'suicide' | 'self-harm' | 'danger-to-others' | 'danger-from-others';

export interface Rule {
  category: Category;
  pattern: RegExp;
  /** Speaks of others or in the abstract: silent when the message is about fiction, news or lessons. */
  soft?: true;
  examples: string[];
}

export interface Trap {
  pattern: RegExp;
  examples: string[];
}

const self = String.raw`(?:my ?(?:own )?self+|meself|my?slef|mysefl?|myelf|mself|mysellf)`;
const want = String.raw`(?:want(?:s|ed|ing)?|wanna|wana|wnat|wann|wnna|wish|need|gonna|gunna|going|goin|(?:im|i am|was|just) about|plan\w*|ready|try(?:ing)?|tried|think(?:ing)?|thought|thoughts|consider\w*|tempted|cant wait|will|ill|id|might|may|could|should|would|hope|deserve|urges?|feel like|fantasi[sz]\w*|contemplat\w*|imagin\w*|decided|rather|let me|just|easier|better)`;
const me = String.raw`(?:(?<=^|\| |~ )|(?:i|im|ive|id|ill|makes? me|made me|making me)(?: \w+){0,3}? )`;
const longFor = String.raw`(?:want(?:s|ed)?|wanna|wana|wnat|wann|wnna|wish|need|ready|tempted|thinking|think|thoughts?|hope|deserve|urges?|feel like|fantasi[sz]\w*|contemplat\w*|imagin\w*|decided|rather|let me|easier|better|consider\w*|would love|prefer|beg\w*|pray\w*)`;
const to = String.raw`(?: (?:to|of|about|on|that|if|i|it|is|be|could|would|was|were|just|really|actually|literally|fucking|fuckin|so|badly|bad|even|like|simply|me|some|somehow|kinda|sometimes|honestly|seriously|already|the|way|for|today|tonight|rn|now|right)){0,6}`;
const end = String.raw`(?= *(?:\||$| (?:and|but|because|bc|cause|cuz|so|im|i|its|if|without|like this|please|help|lol|rn|tbh|ngl|anymore|any ?more|no more|any longer|with this)\b))`;
const notWant = String.raw`(?:(?:dont|do not|didnt|doesnt|cant|can not|cannot|wont|never|no longer|dnt|dony|dotn)(?: (?:really|even|just|fucking|actually|ever|think i|know if i|know that i|feel like i|see how i can|have any))*(?: (?:want|wanna|wana|wish|care|need|bear|plan|deserve))(?: to| ot)?)`;
const kin = String.raw`(?:my (?:\w+ )?(?:friend|bestie|brother|bro|sister|sis|son|daughter|child|kid|baby|toddler|mom|mum|mother|dad|father|parents?|cousin|uncle|aunt|roommate|flatmate|housemate|partner|boyfriend|girlfriend|bf|gf|ex|husband|wife|fiance|fiancee|stepdad|stepmom|stepfather|stepmother|stepbrother|boss|teacher|coach|classmate|coworker|colleague|neighbou?r|student|patient|family|grandpa|grandma|grandfather|landlord|date)s?)`;
const other = String.raw`(?:him|her|them|someone|somebody|people|every ?one|every ?body|(?:that|this) (?:man|guy|woman|girl|bitch|bastard|kid|boy)|these people|those people|${kin})`;
const their = String.raw`(?:him|her|them)sel(?:f|ves)`;

function rx(...parts: string[]): RegExp {
  return new RegExp(String.raw`\b(?:${parts.join('|')})`, 'g');
}

export const traps: Trap[] = [
  {
    pattern: rx(
      String.raw`d(?:ying|ie|ied|ies|ead) (?:of|from|with) (?:laugh\w*|laughter|embarr\w*|shame|cringe|boredom|curiosity|cuteness|jealousy|happiness|joy|anticipation|excitement|second ?hand \w+|awkward\w*|suspense|hunger|thirst|heat|the heat|hayfever|a heart attack|old age|cold)`,
      String.raw`d(?:ying|ie|ead) (?:laughing|rn at|inside|to (?:see|know|meet|try|hear|go|watch|read|play|get|tell|eat|find|for|ask))`,
      String.raw`(?:im|i am) (?:literally |actually )?(?:dead|dying|deceased)`,
      String.raw`(?:dont|do not|didnt|never|doesnt|wouldnt|not) (?:want to|wanna|wish to|need to|have to|deserve to|going to|gonna) die\b`,
      String.raw`rather die than (?!live|be here|go on|exist|wake)`,
      String.raw`want(?:s|ed)? (?:him|her|it|them|my \w+) to die`,
      String.raw`want to die (?:on (?:the|this|that) hill|laughing|rich|happy|peacefully|at (?:a hundred|100)|old)`,
    ),
    examples: ["I'm dying of laughter", 'dying to see that film', "I'd rather die than eat that", 'i want to die of embarrassment'],
  },
  {
    pattern: rx(
      String.raw`(?:kill(?:ed|ing|s)?|kil|hang|end|murder\w*|shoot|execute|terminate|abort) (?:the|a|that|this|all|any|my|your|its|zombie|these|those) (?:\w+ )?(?:process\w*|app|server|script|program|thread|task|job|pod|container|session|tab|tabs|engine|lights?|music|vibe|mood|party|buzz|time|weeds?|germs|bugs?|plants?|boss fight|monsters?|zombies?|dragons?|goblins?|spiders?|mosquito\w*|wasps?|flies|fly|ants?|cockroach\w*|roach\w*|mice|rats?|final boss|bacteria|virus|darlings|switch|power|presentation|joke|bill|deal|romance|conversation|interview|exam|test|song|solo|set|email|video|photo|scene|documentary|film|movie|call|meeting|day|month|year|week|shift|relationship|friendship|subscription|semester)`,
      String.raw`kill(?:ing|ed|s|in)? (?:time|it|two birds|bill|eve|em all|la kill|vibes|off|for|with kindness)\b`,
      String.raw`(?:could|would|id|will|can|might|wld|wud) (?:just |literally |absolutely |totally |honestly )?(?:kill|murder|shoot|stab)(?: (?:someone|somebody|my own \w+|a man|people|anyone|anybody))? (?:for|rn for)`,
      String.raw`(?:said|says) (?:hed|shed|theyd|hell|shell|(?:he|she|they) (?:would|will|is going to)|theyre going to|(?:s?hes) (?:going to|gonna)) (?:literally )?(?:kill|murder) me if i(?:m| am)? (?!leave|tell|go|ever|talk|try|dont come back)`,
      String.raw`kill(?:ed|ing)? my ?self (?:with )?(?:laugh\w*|to (?:get|finish|meet|make|pass|please|impress|be on time)|at (?:the gym|work|practice)|in the gym)`,
      String.raw`dressed to kill|licen[cs]e to kill|kill (?:or|bill|streak|cam|shot|count|switch)|buzz ?kill\w*|road ?kill|overkill|pain ?killer|killer (?:app|whale|feature|queen|look)`,
    ),
    examples: [
      'kill the process',
      'this exam is killing me',
      'I could kill for a coffee',
      'my mom is going to kill me lol',
      'you are killing it',
    ],
  },
  {
    pattern: rx(
      String.raw`shoot(?:ing)? (?:(?:me|us|him|her|them|you|my \w+|over) )?(?:an? |some |the |your )?(?:\w+ )?(?:e?mails?|text|message|dm|line|note|question|shot|hoops?|pool|guns? at the range|photos?|film|movie|video|scene|breeze|stars?|score|par|ideas?|questions|invite|link|calendar|over)`,
      String.raw`shoot my ?self in the foot|shot in the dark|photo ?shoot\w*|shooting (?:stars?|hoops|guard|range)|first person shooter\w*`,
      String.raw`hang(?:ing)? (?:my ?self )?out\b(?: to dry)?|hang in there|hang(?:ing)? (?:my|the|a|up|on|around|with)\b`,
      String.raw`drown(?:ing|ed)? (?:my ?self )?in (?:work|homework|coffee|paperwork|emails?|ice ?cream|debt|chocolate|tasks|deadlines|wine|laundry|assignments|school\w*|a\w*)`,
      String.raw`(?:cut(?:ting)?|give|gave|giving|gotta cut|cuts) my ?self (?:some|a (?:break|slice|piece|little|bit|bigger|deal|check)|off|loose|short|out|another|bangs|in half|slack|free|while|shav\w*|chopp\w*|cook\w*|slic\w*|peel\w*|trimm\w*|with (?:paper|a paper|the paper|a can|scissors by|the kitchen)|on (?:a |the |some |my )?(?:paper|glass|can|tin|knife|broken|fence|metal|edge|envelope|rock)|open(?:ing)?|making|doing the dishes|prepping|gardening|by (?:accident|mistake)|accidentally)`,
      String.raw`(?:accident(?:al|ally|ly)?|almost|nearly|just|stupidly|clumsily|shaving|cooking|somehow|oops)(?: \w+)? (?:cut|burn(?:ed|t)?|hurt|stab(?:bed)?|shot|killed|hit|hung) my ?self`,
      String.raw`(?:cut|hurt|burn(?:ed|t)?|kicked|injured|hurting|harm(?:ed)?) my ?self (?:(?:really |pretty |so )?(?:bad(?:ly)? )?)?(?:shaving|cooking|running|lifting|playing|falling|skating|skiing|climbing|training|trying|at|on the|in the|while|during|when i|doing|dancing|exercising|working out|moving|stretching|by accident|accidentally|baking|ironing|out)`,
      String.raw`burn(?:ed|ing|t)? (?:my ?self )?out|self ?(?:care|help|destruct \w+ button)|sick burn|feel(?:ing)? the burn|heart ?burn`,
      String.raw`over ?dos(?:e|ed|ing) (?:on|of) (?:chocolate|coffee|caffeine|sugar|netflix|cuteness|candy|tv|cheese|vitamin\w*|turkey|carbs|anime|memes|christmas \w+|garlic|spice\w*)`,
      String.raw`jump(?:ed|ing)? (?:off|from|in front) (?:of )?(?:a|the|that|my) (?:\w+ )?(?:diving board|swing|couch|sofa|bed|trampoline|boat|dock|cliff into|train platform game|wagon|bandwagon|plane|stage|bus early|train at|bridge too|bridge would)`,
      String.raw`would you (?:jump|do it)(?: off a (?:bridge|cliff))?(?: too)?|bungee\w*|sky ?div\w*`,
    ),
    examples: [
      'shoot me an email',
      'cut myself some slack',
      'I cut myself shaving',
      'overdosed on chocolate',
      'hang out',
      'drowning in homework',
    ],
  },
  {
    pattern: rx(
      String.raw`(?:career|political|social|commercial|financial|brand) suicide|suicide (?:squad|is painless|prevention|awareness|doors?|burns?|squeeze|drink|rates?|king|lane|runs?|sprints?|wings|stats?|statistics|note trope|hotline number for|bombers?)|(?:virgin|lego|anti) suicides?|suicideboys|uicideboy`,
      String.raw`die hard|(?:live|living) and let die|kill em all|to die for|die another day|never say die|dont die|die ?hards?|better off dead (?:the|is|with|movie|film)|do or die|dice|die roll|tool and die|13 reasons why|die (?:another|cast|cut)`,
      String.raw`tired of (?:living|life) (?:in|at|out|with|here|off|on|under|next|near|by|so far|among|alone|this far)|sick of living (?:in|at|out|with|here|off|on|under|next|near|so far|alone)`,
      String.raw`(?:dont|do not|didnt|never) wan(?:t to|na) (?:live|be here) (?:in|at|with|on|near|next|there|by|under|when|for|until|till|all|any longer than|tonight|so)\b`,
      String.raw`(?:dont|do not|didnt|never) wan(?:t to|na) wake up (?:early|at|for|so|to|before|that|in|my|the|him|her|them|tired|late|on|you)\b`,
      String.raw`end (?:it|things|everything) (?:all )?(?:with|between us|at|there|on a|in style|politely|nicely|here folks)|end all be all|be all end all|all to end up|to end it with`,
      String.raw`(?:no|any) reason to (?:live|be here) (?:in|at|there|here in|downtown|near|with)`,
      String.raw`5 ?kms|\d+(?: |\.\d+ )?(?:kms|km)|(?:few|many|several|of|in|hundred|thousand|more|extra|the|these|those|last|ran|run|walk(?:ed)?|two|three|four|five|six|seven|eight|nine|ten|twenty|fifty|per) kms`,
    ),
    examples: ['Suicide Squad was bad', 'career suicide', 'Die Hard is a Christmas film', "don't want to live in Ohio", 'it is 5 kms away'],
  },
  {
    pattern: rx(
      String.raw`(?:beat(?:s|ing|en)?|hit(?:s|ting)?|chok(?:e|ed|es)|slap(?:s|ped)?|kick(?:s|ed)?|punch(?:es|ed)?|smack(?:s|ed)?|attack(?:s|ed)?|follow(?:s|ed|ing)?|grab(?:s|bed)?|touch(?:es|ed)?|hurt(?:s|ing)?|push(?:es|ed)?|destroy(?:s|ed)?|crush(?:es|ed)?) me (?:at (?:chess|it|this|that|cards|pool|golf|tennis|everything|mario|fifa|smash|video|board|table|ping|uno|darts|\w*ball|my own|a|the)\b|in (?:chess|mario|fifa|a|the|smash|uno|scrabble|cards|monopoly|every|tennis|ping|pong|an argument|line|round|to the)|to (?:it|the|that|do)|by|up|with (?:a |an |the |his |her |some )?(?:joke|pun|question|bill|news|high five|pillow|snowball|fact|another|facts|invoice|fee|nostalgia|fine|truth|surprise|idea|love|knowledge|compliment|ball|water)|back|on (?:instagram|ig|twitter|insta|tiktok|social|spotify|twitch|facebook|here|linkedin)|emotionally deeply|so hard emotionally|like a (?:truck|train|wave|brick|ton)|deeply|out of nowhere with|home to|around the (?:house|room|kitchen|apartment))`,
      String.raw`(?:it|that|this|which|what|movie|song|film|realization|reality|news|memory|smell|ending|nostalgia|fatigue|wave|jetlag|caffeine|coffee) (?:really |just |finally |has |have |all |kinda |literally |still )?(?:hits?|hitting|hurts?|hurting|beats?|got|killed|touched|attacked|slapped|crushed|destroyed|follows) me`,
      String.raw`(?:dog|puppy|cat|kitten|parrot|bird|goose|geese|toddler|baby|kitty|cow|horse|duck|chicken|hamster)s? (?:\w+ ){0,3}(?:hits?|follow\w*|attack\w*|beat\w*|grab\w*|push\w*|slap\w*|kick\w*|bit\w*) me`,
    ),
    examples: ['he beat me at chess', 'hit me up later', 'it just hit me', 'my cat attacked me'],
  },
];

export const rules: Rule[] = [
  {
    category: 'suicide',
    pattern: rx(
      String.raw`(?:kill+(?:in|ing|ed|s)?|kil|killl?ing|kling|kiling|klil|kyll|hang(?:ing)?|shoot(?:ing)?|drown(?:ing)?|off(?:ing)?|end(?:ing)?|unaliv(?:e|ing)|delete|deleting|exterminate|electrocut\w+|suffocat\w+|asphyxiat\w+|strangl\w+|poison(?:ing)?|gas(?:s?ing)?) ?${self}`,
      String.raw`(?:^|(?<=\| )|(?<=^i )|(?<=\bi )|(?<=\bill )|(?<=\bto )|(?<=\bgonna )|(?<=\bmight )|(?<=\bjust )|(?<=\bwanna ))kms\b`,
      String.raw`unaliv(?:e|ing) ?${self}|${want}${to} (?:be )?unaliv\w+|unaliv(?:e|ing) (?:is|sounds|thoughts)|un alive my`,
      String.raw`(?:told|tells?|telling|said|says|saying|tell|texted|commented|message[ds]?|wrote)(?: \w+){0,3} (?:to )?kys\b|kys messages`,
    ),
    examples: [
      'I want to kill myself',
      'kil my self',
      'thinking of hanging myself',
      'kms',
      'gonna unalive myself',
      'they keep telling me to kys',
    ],
  },
  {
    category: 'suicide',
    pattern: rx(
      String.raw`(?:im|i am|ive been|i have been|i feel|feel(?:ing)?|been|getting|being|was|still|really|actively|passively|so|kinda) (?:\w+ )?s[ui]*[iu]?c[iu]?[iu]dal`,
      String.raw`(?:suicidal|sucidal|suicdal|suicidel|suisidal) (?:thoughts?|ideation|ideations|feelings?|urges?|again|tonight|today|rn|right now|plans?)`,
      String.raw`${want}${to} (?:comm?it+(?:ing|ed)?|attempt\w*|do(?:ing)?|die by)? ?(?:a )?(?:suicide|suiside|sucide|suicde|suicid|sewerslide|sewer ?slide|self ?delet\w+|seppuku)`,
      String.raw`(?:my|i)(?: \w+){0,3} (?:suicide|suiside|sucide|suicde) ?(?:note|letter|plan|attempt|method)?|attempted suicide|suicide (?:note|attempt|plan|seems|sounds|is (?:the|my) only)`,
      String.raw`(?:last|another|second|third|failed) (?:suicide )?attempt (?:on|at) my (?:own )?life`,
    ),
    examples: ['im suicidal', 'I have suicidal thoughts', 'thinking about suicide', 'gonna commit sewerslide', 'wrote my suicide note'],
  },
  {
    category: 'suicide',
    soft: true,
    pattern: rx(
      String.raw`${kin}(?: \w+){0,8} (?:suicid\w+|sucid\w+|(?:kill(?:ed|ing)?|hang(?:ed|ing)?|hung|shot|unalived?|harm(?:ing|ed)?|cutting) ${their}|(?:end(?:ed|ing)?|took|take|taking) (?:his|her|their) (?:own )?li(?:fe|ves)|wants? to die|(?:doesnt|dont) want to (?:live|be here|be alive)(?: any ?more)?)`,
      String.raw`(?:he|she|they|hes|shes|theyre) (?:\w+ ){0,4}(?:wants?|wanted|going|gonna|threat\w+|tried|trying|plan\w*|talk\w* about|said|says|might|will)(?: \w+){0,4} (?:kill(?:ing)? ${their}|suicide|end (?:his|her|their) life|unalive)`,
      String.raw`(?:(?:someone|somebody|a (?:girl|guy|kid|boy|person|man|woman)) (?:i know|i met|in my|at my|online)|a friend|friend of mine)(?: \w+){0,6} (?:is suicidal|(?:kill(?:ing)?|hurt(?:ing)?) ${their}|suicide|end (?:his|her|their) life)`,
    ),
    examples: ['my best friend says she wants to kill herself', 'my brother is suicidal', 'he keeps threatening to kill himself'],
  },
  {
    category: 'suicide',
    pattern: rx(
      String.raw`${me}${longFor}${to} (?:to )?(?:die|be dead(?! (?:sure|serious|tired|honest|last|set|certain|wrong|right|on)\b)|dye in my sleep)(?! (?:of|for|hard|from|trying|than|on|at|as|standing|laughing|happy|rich|old|peacefully|a hero|a legend|with (?:my|dignity|honou?r|a smile))\b)|${me}${want}${to} (?:to )?(?:stop existing|cease to exist|not exist|disappear forever|vanish forever|end my (?:own )?life|take my (?:own )?life|not wake up|never wake up|not be (?:here|alive) any ?more|not be alive|sleep forever|be gone forever)`,
      String.raw`(?:wish|wished|hope|hoping|pray|praying)${to} (?:(?:was|were|am|be|had|got|id|get) )?(?:dead|die|died|dying|never (?:been )?born|not alive|didnt exist|dont wake up|didnt wake up|wont wake up|never wake up|never woke up|a (?:car|truck|bus) (?:would )?hits? me|wasnt alive|wasnt here any ?more|wasnt born)`,
      String.raw`i (?:\w+ )?(?:should|shouldve|should have|shouldnt|deserve to|ought to)(?: just)? (?:be dead|die\b|have died|died|not be alive|be alive)|(?:everyone|everybody|they all|people) wants? me (?:to die|dead|gone)`,
      String.raw`(?:im|id be|i am|be|theyd be|everyone(?:s| is| would be|d be)?|world(?:s| is| would be)?|they(?:re| are| would be)?|family (?:is|would be)|people would be|youd (?:all )?be|all be|is) (?:\w+ )?better(?: off)? (?:dead|without me|if i (?:was|were) (?:dead|gone|not here)|if i (?:died|didnt exist|disappeared|wasnt here))`,
      String.raw`(?:no ?(?:one|body)|people|they|who) (?:wont|wouldnt|will|would|ll|d|is going to|gonna|even)(?: ever| even| really)? (?:miss|notice|care|mourn|cry for)(?: me)?(?: if| when| once)? ?(?:i ?(?:m|am|was|were)? ?(?:died|die|dead|gone|disappeared|killed|vanished|not here)|me when im gone)`,
      String.raw`(?:i|ill|id)(?: \w+)? (?:die|be dead)(?: \w+){0,2} (?:by my own hand)`,
    ),
    examples: [
      'I want to die',
      'i wish i was dead',
      'everyone would be better off without me',
      'no one would notice if i died',
      "wish I'd never been born",
    ],
  },
  {
    category: 'suicide',
    pattern: rx(
      String.raw`${notWant} (?:be (?:here|alive|around|on (?:this|the) (?:earth|planet)|in this world)|live|exist|keep living|be living|go on living|continue living|keep existing)(?: like this| this (?:life|way)| my life| life)? ?(?:any ?more|anylonger|any longer|no more|anymroe|anymoer)`,
      String.raw`${notWant} (?:be alive|exist|keep living|go on living|keep existing|continue (?:living|existing)|be on this (?:earth|planet)|be in this world)`,
      String.raw`${notWant} (?:live|wake up(?: (?:tomorrow|again|ever|any ?more|in the morning))?)${end}`,
      String.raw`${notWant} wake up(?: (?:tomorrow|again|ever again|any ?more|ever))`,
      String.raw`(?:cant|cannot|can not) (?:go on|carry on|keep going|keep living|live)(?: (?:like this|living|with (?:this|the) (?:pain|life)|in this (?:life|world)|any ?more|any longer))+`,
      String.raw`(?:no|any|a single|one|every|lost (?:all|my|every)|find (?:a|any)|have (?:a|any)|good) (?:\w+ )?(?:reasons?|point|will|purpose|desire|motivation|sense) (?:left )?(?:to|in|for|of) (?:live|liv(?:e|ing)|be(?:ing)? alive|exist(?:ing)?|go(?:ing)? on(?: living)?|keep(?:ing)? going|stay(?:ing)? alive|wak(?:e|ing) up)\b(?! (?:in|at|near|with))`,
      String.raw`(?:nothing|isnt anything|aint anything|not anything|anything) (?:left )?(?:to|worth) liv(?:e|ing) for|life (?:is|isnt|aint|is not|has|hasnt|feels?)(?: \w+)? (?:not )?worth(?: living| it any ?more)|(?:not|isnt|aint) worth (?:living|being alive)|is (?:it|life) (?:even )?worth living`,
      String.raw`(?:tired|sick|exhausted|done|over|fed up)(?: (?:of|with|from|and tired of|being|so|just))+ (?:living|being alive|life|existing|existence|this life|my life|breathing)(?= *(?:\||$| (?:and|but|any ?more|i|im|it|so|man|now|already|tbh|rn|lately)\b))`,
      String.raw`(?:give|giving|gave|given) up on (?:life|living)|(?:im|i am|so|completely|just|totally|really) (?:over|done) with (?:life|living|my life|this life|existing)|hate (?:being alive|that im alive|existing|that i woke up)|what(?:s| is) the (?:point|use) (?:of|in) (?:living|being alive|life any ?more|my life|going on|existing|staying alive|me being here)|why (?:am i|should i be|do i|should i)(?: \w+)? (?:alive|still alive|live|keep living|go on living|exist)\b(?! (?:in|at|with|near|here))`,
    ),
    examples: [
      "I don't want to be here anymore",
      'no reason to live',
      'i dont want to live',
      'tired of living',
      "what's the point of living",
      "I don't want to wake up tomorrow",
      "can't go on living like this",
      'nothing left to live for',
    ],
  },
  {
    category: 'suicide',
    pattern: rx(
      String.raw`(?:end(?:ing)?|finish(?:ing)?) (?:it|this|everything) all\b|(?:gonna|going to|want to|wanna|ready to|about to|might|will|ill|just|should) end (?:it|everything)(?: (?:now|tonight|soon|today|for good|forever|right now|once and for all|tomorrow))|(?:end(?:ing)?|ended|take|taking|took|taken) my (?:own |fucking |stupid |miserable )?life\b|(?:want|need) it all to (?:be over|end|stop)\b|${me}just want it to (?:end|be over|stop)(?= *(?:\||$))|(?:want|need|make) (?:the|this|my) pain (?:to )?(?:end|stop|go away forever)|want (?:it|everything|this) to (?:be over|end|stop) (?:forever|for good)|make it all (?:stop|end) forever|(?:my )?life (?:to end|to be over)`,
      String.raw`${want}${to} over ?dos\w+|${me}${want}${to} od\b(?= on|$| *\|)|${me}${want}${to} (?:drown|die (?:today|tonight|this (?:week|month|year)|tomorrow|soon|by))(?= *(?:\||$| (?:today|tonight|tomorrow|soon|this|because|and)\b))|(?:took|take|taking|swallow\w*|ate|down(?:ed|ing)?|popp\w+|taken) (?:\w+ ){0,3}(?:all (?:of )?(?:my|the|his|her|these)|whole bottle(?: of)?|(?:a |the |entire )?bottle of|(?:a )?(?:bunch|handful|lot|ton) of|too many|(?:\d\d+|twenty|thirty|forty|fifty|hundred)) (?:\w+ ){0,2}(?:pills?|tablets?|tylenol|paracetamol|xanax|advil|ibuprofen|meds|medication|sleeping pills|antidepressants)|over ?dosed? (?:on|tonight|last night|again)`,
      String.raw`(?:${want}${to}|ill|gonna|i|about) (?:to )?(?:jump(?:ing)?|throw(?:ing)? ${self}|walk(?:ing)?|step(?:ping)?|drive|driving|crash(?:ing)?|lie|lay|lying|drove|jumped)(?: (?:my car|myself|straight|right|down))* (?:off|from|in front of|into|under|onto|out of|out)(?: of)? (?:a|an|the|my|this|that|oncoming)? ?(?:\w+ )?(?:bridge|building|roof|rooftop|balcony|cliff|ledge|overpass|train|car|bus|truck|traffic|tracks|subway|metro|window|tree|tower|parking garage|highway|sea and never|ocean and never|river and never)`,
      String.raw`(?:slit|slash|slitting|slashing|cut|cutting|open|opening) (?:open )?my (?:own )?(?:wrists?|throat|veins|arteries|neck)|(?:tie|tied|tying|made|make|making|bought|found) (?:a |the |me a )?noose|(?:put|have|hold|holding|got|point|pointing) (?:a|the|my|this) (?:gun|bullet|pistol) (?:to|in|through|against) my (?:head|brain|mouth|skull)|blow(?:ing)? my (?:brains?|head) (?:out|off)|toaster (?:bath|in the bath)|gun in my (?:mouth|hand and i)|bullet in my (?:head|brain)|barrel in my mouth|rope around my neck`,
      String.raw`(?:go(?:ing)? to|fall(?:ing)?|just|wanna|want to) ?(?:sleep|asleep)(?: and| forever|,)+ (?:never|not|dont|hope i dont|hopefully never)(?: have to)? (?:wake|waking)(?: up)?|go to sleep forever|${want}${to} (?:sleep|be asleep) (?:and|so i) (?:never|not|dont) wake|last (?:night|day) (?:alive|on (?:this )?earth)|(?:wrote|writing|written|write) (?:my )?(?:good ?bye|last|final) (?:letters?|notes?|messages?|texts?)|(?:say|saying|said) (?:my )?(?:final|last) good ?byes?|good ?bye cruel world|this is my (?:final |last )(?:good ?bye|message|post)|(?:wont|will not|not gonna|not going to) be (?:here|alive|around) (?:tomorrow|next week|much longer|by (?:morning|tomorrow))`,
      String.raw`${me}(?:feel(?:ing)?|think(?:ing)?|thought|thoughts|urge|temptation) (?:like|about|of|to) (?:dying|death all|ending (?:it|my life|everything)|not (?:being|existing|waking up)|killing|ending things for good)|(?:i|just) (?:want|wanna|need) (?:the pain|everything|it) to (?:stop|end) (?:forever|for good)|plan(?:s|ned|ning)? (?:to|for|on) (?:die|my death|dying|end(?:ing)? (?:it|my life))|ways? (?:to|i can|i could|of) (?:end it all|end my life|kill myself|killing myself|ending my life)|(?:painless|easiest|quickest|fastest|least painful|easy) (?:\w+ )?ways? (?:to|of) (?:die|dying|go\b)|die painlessly|painless(?:ly)? (?:death|suicide)|im ready to die\b|(?:being|id be) dead (?:would|will|sounds|must|seems)|(?:i )?(?:welcome|long for|crave|wait for) death|cant wait to (?:die|be dead)\b(?! (?:of|in (?:the|this) game))|should i (?:just )?(?:die|drown|end it)\b|log ?off (?:of )?life|exit this (?:life|world)|leave this (?:earth|world|life|planet)`,
    ),
    examples: [
      'i want to end it all',
      'going to end my life',
      'i took a whole bottle of pills',
      "I'm going to jump off the bridge",
      'slit my wrists',
      'want to fall asleep and never wake up',
      'wrote my goodbye letters',
      'what is a painless way to die',
    ],
  },
  {
    category: 'self-harm',
    pattern: rx(
      String.raw`(?:cut(?:t?ing|s)?|harm(?:ed|ing|s)?|burn(?:ed|ing|t)? ?(?=my ?self|meself)|scratch(?:ed|ing)|starv(?:e|ed|ing)|punish(?:ed|ing)?|mutilat\w+|bleed|carv(?:e|ed|ing)|stab(?:bed|bing)?|bruis(?:e|ed|ing)|(?<=keep |kept |been |started |stop )(?:hitting|punching|biting)) ?${self}(?! (?:some|off|loose|slack|for a dress|in the foot|short))`,
      String.raw`(?:${want}${to}|keep|kept|again|afraid (?:ill|i will|i might|to)|scared (?:ill|i will|i might)|been|stop|on purpose|rather|have to|going to|started|start|about to) (?:to )?hurt(?:ing)? ${self}|hurt(?:ing)? ${self} (?:again|on purpose|tonight|physically|so badly i|to feel)`,
      String.raw`self ?-?harm(?:ed|ing|s)?\b(?! (?:awareness|prevention|statistics|rates))|selfharm\w*|relaps\w+ (?:on|with|into|back into)? ?(?:cutting|self ?harm|sh\b|harming)|(?:started|start|back to|want to|wanna|went back to|urge to|urges to|thinking about|cant stop|been|need to|feel like) (?:cut(?:ting)?|burning my skin|harming)(?= *(?:\||$| (?:again|and|tonight|my (?:arms?|thighs?|legs?|skin|stomach|hips?|wrists?))\b))|(?:cut|cutting|cuts on|scars on|razor (?:on|to|against|across)|blade (?:on|to|against|across)|burn(?:ed|ing)?|carv\w+|slic\w+) (?:up )?my (?:own )?(?:arms?|thighs?|wrists?|skin|legs? (?:again|with a|on purpose)|hips?|stomach)\b(?! (?:hair|off the|on a))|razor ?blades? (?:again|tonight|under)|made (?:my ?self )?bleed on purpose`,
      String.raw`(?:make|making|made|force|forcing) ${self} (?:throw up|puke|vomit|sick|purge)(?: (?:after|again|every|to lose))|bang(?:ing|ed)? my head (?:on|against|into) (?:the|a) (?:wall|floor|table) (?:until|till|to hurt|so it hurts|again)`,
    ),
    examples: [
      'I cut myself again last night',
      'i want to hurt myself',
      'the urge to self harm is back',
      'relapsed on cutting',
      'cuts on my arms',
      'selfharming',
    ],
  },
  {
    category: 'danger-to-others',
    pattern: rx(
      String.raw`(?:(?<=^|\| |~ )|(?:i|im|ill|id|ive|just|really|me)(?: \w+){0,2} )(?:want|wanna|wana|thinking|thought|fantasi\w+|plan\w*|urge|decided|dream\w*|ready|about)(?: (?:to|about|of|on|just|really|so|bad|badly|i|ing|going|seriously|literally)){0,4} (?:kill|kil|murder|shoot|stab|strangle|choke|poison|hurt|harm|torture|attack|beat up|rape|burn|bomb|killing|murdering|shooting|stabbing|strangling|hurting|poisoning|harming|torturing) ${other}(?! (?:feelings|up at|in (?:game|fortnite|valorant|minecraft|cod|chess|this game|the game)))`,
      String.raw`(?:i|im|ill|id)(?: \w+){0,3} (?:kill|murder|shoot|stab|strangle|poison|slaughter|hurt) ${other}(?: \w+){0,4} (?:in (?:his|her|their) sleep|tonight|with (?:a|my|this|the) (?:knife|gun|axe|bat|hammer|rope)|and then myself|and myself|and make it look|not joking|im serious|i mean it|for real|deserves? to die|at school)|(?:i (?:have|got|bought|took)|my) (?:a |the |my |dads? )?(?:gun|knife|rifle|pistol|weapon)(?: \w+){0,6} (?:shoot|kill|stab|hurt|use it on|end (?:him|her|them)) ?(?:\w+)?`,
      String.raw`shoot(?:ing)? up (?:the|my|a|this|that) (?:school|office|church|mall|place|class\w*|workplace|club|mosque|synagogue)|(?:bring|take|bringing|taking|brought) (?:a|my|the|dads?|my dads) (?:gun|knife|rifle|bomb|weapon) (?:to|into) (?:school|class|work|the office|church)|(?:bomb|blow up|set fire to|burn down|plant a bomb (?:in|at)|make a bomb|build a bomb|making a bomb) (?:the |my |a |this |that |his |her |their |for )?(?:school|office|house|home|church|mosque|synagogue|building|place|hospital|station|work(?:place)?|stadium)?(?= *(?:\||$| \w))(?<=school|office|house|home|church|mosque|synagogue|building|hospital|station|workplace|stadium|make a bomb|build a bomb|making a bomb)|kill (?:everyone|everybody|all of them|them all|as many)(?: (?:at|in) (?:my |the )?(?:school|work|office|class|church)| people)|(?:im|i am) (?:gonna|going to) kill (?:everyone|everybody)`,
      String.raw`(?:afraid|scared|worried) (?:that )?(?:i(?:ll| will| might| may| could| am going to|m going to|m gonna)|of) (?:hurt|kill|harm|snap and hurt|snap and kill|hurting|killing|harming) ${other}|(?:i )?(?:hit|shook|shake|beat|choked|hurt|slapped|punched) (?:my (?:baby|kids?|child|son|daughter|wife|girlfriend|gf|toddler|infant))(?: (?:again|so hard|and (?:now|he|she)|too hard|until|today))|voices? (?:are |keep |is )?(?:tell\w*|say\w*)(?: me)? to (?:kill|hurt|stab|harm)`,
    ),
    examples: [
      'I want to kill my stepdad in his sleep',
      'thinking about hurting someone',
      'gonna shoot up the school',
      "I'm scared I'll hurt my baby",
      'the voices tell me to kill people',
    ],
  },
  {
    category: 'danger-from-others',
    pattern: rx(
      String.raw`(?:he|she|they|hes|shes|theyre|dad|mom|mum|who|${kin})(?: (?:has|have|is|was|keeps|kept|always|just|started|still|gets drunk and|drinks and|sometimes|used to|got mad and|literally|constantly|been|will|would|often|and|then|regularly|physically|tried to|tries to|trying to|wont stop|never stops|comes home and)){0,4} (?:hit(?:s|ting)?|beat(?:s|ing|en)?|chok(?:e|es|ed|ing)|strangl(?:e|es|ed|ing)|punch(?:es|ed|ing)?|kick(?:s|ed|ing)?|slap(?:s|ped|ping)?|rap(?:e|es|ed|ing)|molest(?:s|ed|ing)?|abus(?:e|es|ed|ing)|assault(?:s|ed|ing)?|stab(?:s|bed)?|shov(?:es|ed|ing)|burn(?:s|ed|ing)|whip(?:s|ped|ping)?|attack(?:s|ed|ing)?|stalk(?:s|ed|ing)?|hurt(?:s|ing)|drug(?:s|ged)) me\b(?! (?:out|off|from|up|hard|feelings|ego|that (?:he|she|they)|by (?:not|leaving|saying|ignoring)|when (?:he|she|they) (?:say|said|leave|left|ignore)))`,
      String.raw`(?:he|she|they|hes|shes|${kin})(?: \w+){0,3} touch(?:es|ed|ing) me (?:at night|inappropriately|down there|when im (?:asleep|sleeping)|without|and told|where i|in ways|sexually|again|and i (?:dont|didnt) want)|(?:i was|ive been|i got|i am being|im being|i have been|i keep getting|i keep being|(?<=^|\| )(?:got|was|being|been))(?: \w+)? (?:raped|molested|sexually (?:assaulted|abused)|physically abused|abused|assaulted|beaten(?: up)?|stalked|trafficked|groomed|kidnapped|held (?:hostage|captive)|drugged|roofied|strangled|threatened with)(?= *(?:\||$| (?:by|last|at|when|and|as|for|in|tonight|yesterday|today|on|again|every|since|while|right|i|but|so)\b))(?! (?:at (?:chess|fifa|uno|tennis)|in (?:chess|fifa|uno|overtime|the final)|by (?:\w+ ){0,2}\d))`,
      String.raw`(?:threat\w*|said|says|told me|tells me|swore|promised|texted|screamed|keeps saying)(?: \w+){0,3} (?:to|hed|shed|theyd|he would|he will|hell|shell|he is going to|hes going to|hes gonna|shes going to|she would|they will|they would|theyre going to|id) (?:kill|hurt|beat|shoot|stab|find and kill|find me and|rape|murder) (?:me|us|my (?:kids|family|dog|mom|mum))|(?:he|she|they|hes|shes|theyre|someone|somebody|who|${kin})(?: \w+){0,3} (?:tried|trying|tries|attempted) to (?:kill|strangle|rape|choke|stab|shoot|poison|drown|kidnap) (?:me|us)|(?:death threats?) (?:from|against|to me|again)|(?:sending|sent|sends|getting|got|received|receive) (?:me )?death threats|(?:going to|gonna|will|hell|ll) (?:kill|hurt|beat|murder) (?:me|us)(?: (?:with|in my sleep|if i (?:leave|tell|go to the police|dont come back)|and (?:i|im|nobody)|he has a|hes outside|help))`,
      String.raw`(?:someone|somebody|a man|a guy|some guy|a stranger|he|she|they|hes|theyre|my ex)(?: \w+){0,4} (?:break(?:ing)? into my|broke into my|breaking in(?: right now| rn)?(?= *(?:\||$))|following me (?:home|around at|and|for|from|in|at|to|down)|followed me (?:home|to my)|outside my (?:door|house|window|apartment|home)|in my house (?:and|with|right)|at my door with|has a (?:gun|knife) (?:and|on me|to my|at my|help|in his|in her)|pointing a gun|pulled a (?:gun|knife)|is (?:stalking|watching) me|stalking me|wont let me (?:leave|out|go home|see a doctor|call)|locked me (?:in|up)|holding me|keeps me locked|hold a knife)`,
      String.raw`(?:scared|afraid|terrified|frightened|fear|fearing) (?:of|to be (?:alone )?with|for my (?:life|safety)|to go home|what (?:he|she|they)ll do|he(?:ll| will| is going to|s going to)|she(?:ll| will)|my (?:\w+ )?(?:ll|will|is going to))(?: (?:my (?:\w+ )?(?:husband|wife|boyfriend|girlfriend|bf|gf|ex|dad|father|stepdad|stepfather|mom|mother|uncle|brother|partner)|him|her|because|when hes drunk|kill|hurt|beat|hit|find|do|tonight|again)\b)?(?<=for my life|for my safety|to go home|ll do|husband|wife|boyfriend|girlfriend|bf|gf|ex|stepdad|stepfather|dad|father|partner|drunk|kill|hurt|beat|hit|find)|(?:not|dont feel|never feel|isnt|am not) safe (?:at home|in my (?:own )?(?:home|house)|with (?:him|her|my)|around (?:him|her|my)|here with)|unsafe (?:at home|with (?:him|her|my)|around (?:him|my))|(?:my|my own|im in|i am in|i live in|were in|stuck in|trapped in|growing up in|left|leave|leaving|escap\w+)(?: (?:an|a|my|this|such an|with|very|super|really))* (?:abusive|violent) (?:relationship|household|home|husband|wife|boyfriend|girlfriend|partner|ex|dad|father|mother|mom|stepdad|parents?|marriage)|(?:im|i am|i might be|i think im|we are|we might be|i feel|my life is|my kids are|me and my kids are) in (?:immediate |serious |real |a lot of |grave )?danger|help (?:me )?(?:he|she|they|hes|shes|theyre)(?: is| are|s)? (?:hurting|beating|attacking|killing|coming|going to kill|gonna kill|trying to)`,
    ),
    examples: [
      'my boyfriend hits me when he drinks',
      'he threatened to kill me',
      "I'm scared of my husband",
      "I'm not safe at home",
      'someone is breaking into my house',
      'I was raped last year',
      "he won't let me leave",
    ],
  },
  {
    category: 'suicide',
    pattern: rx(
      // German, Spanish, French: a handful of plain phrases.
      String.raw`ich (?:will|mochte|mag|wurde gern|wurde gerne)(?: \w+){0,2} (?:sterben|tot sein|nicht mehr (?:leben|da sein|hier sein|aufwachen|weiterleben))|(?:will|mochte|werde|konnte|wollte)(?: \w+){0,3} (?:mich|mir)(?: \w+){0,3} (?:umbringen|das leben nehmen|toten|erhangen)|ich (?:bringe?|bring) mich(?: \w+){0,2} um\b|mich umzubringen|selbstmord ?(?:gedanken|begehen)?|suizid\w*|ich ritze mich|mich (?:wieder )?(?:ritzen|selbst verletzen)|keinen sinn mehr (?:im|zu|am) leben|nicht mehr leben (?:will|mochte)`,
      String.raw`(?:me )?qui(?:ero|siera) (?:morir(?:me)?|matarme|suicidarme|estar muert[oa]|acabar con mi vida|desaparecer para siempre)|no quiero (?:vivir|seguir viviendo|estar viv[oa])(?: mas)?|me voy a (?:matar|suicidar)|voy a (?:matarme|suicidarme|quitarme la vida)|suicidarme|quitarme la vida|pens\w+ en (?:el suicidio|suicidarme|matarme)|me corto (?:los brazos|las venas|la piel)|no tengo ganas de vivir|no vale la pena vivir`,
      String.raw`je (?:veux|voudrais|vais) (?:juste )?(?:mourir|me (?:tuer|suicider|pendre)|en finir|etre morte?|mettre fin a mes jours)|j ?ai envie de (?:mourir|me tuer|me suicider|en finir)|(?:je )?(?:ne )?(?:veux|voudrais) plus (?:vivre|etre la|exister)|envie de (?:mourir|me suicider)|me suicider|en finir avec la vie|mettre fin a mes jours|pens\w* (?:suicidaires?|au suicide)|plus envie de vivre|je me (?:scarifie|mutile)`,
    ),
    examples: [
      'Ich will nicht mehr leben',
      'ich möchte sterben',
      'Ich bringe mich um',
      'quiero morir',
      'no quiero vivir más',
      'je veux mourir',
      "j'ai envie de me tuer",
    ],
  },
];

/** Fiction, news and lessons: soft rules are silent there, and quoted titles do not count. */
export const topics =
  /\b(?:movie|film|book|novel|episode|season|series|tv show|song|lyrics?|album|track|band|character|plot|video ?game|anime|manga|opera|shakespeare|hamlet|romeo|juliet|macbeth|essay|homework|history|lecture|documentary|podcast|article|news|statistics|stats|rates|called|titled|title|chapter|protagonist|villain|quest|npc|netflix|hbo)\b/;
