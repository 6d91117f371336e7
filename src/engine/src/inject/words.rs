//! The phrases, by what they do and where they count.

use super::{Reading, Rule, phrase::Phrase};

pub(super) fn phrases() -> Vec<Phrase> {
    let tables: [(Rule, Reading, &[&str]); 7] = [
        (Rule::InstructionOverride, Reading::Data, &OVERRIDES),
        (Rule::InstructionOverride, Reading::Data, &LANGUAGES),
        (Rule::InstructionOverride, Reading::Description, &ORDERS),
        (Rule::FakeTurn, Reading::Data, &TURNS),
        (Rule::ExfiltrationLink, Reading::Data, &ERRANDS),
        (Rule::ToolMention, Reading::Data, &CALLS),
        (Rule::MarkdownImage, Reading::Description, &MARKUP),
    ];
    let phrases = tables.into_iter().flat_map(|(rule, reading, sources)| {
        sources
            .iter()
            .map(move |source| Phrase::new(rule, reading, source))
    });
    phrases.collect()
}

/// What no document says to its reader.
const OVERRIDES: [&str; 17] = [
    "!to,will,would,can,could,may,might,should,not,never,doesn't,don't,won't,we,they,it,i,that,which \
     ignore,disregard,forget,neglect 4 previous,prior,above,earlier,preceding,foregoing,former 2 \
     instruction*,prompt*,rules,direction*,directive*,guideline*,commands,orders,context,\
     conversation,training,constraints",
    "!to,will,would,can,could,may,might,should,not,never,doesn't,don't,won't,we,they,it,i,that,which \
     override,overrule,bypass 4 previous,prior,above,earlier,preceding,foregoing,former 2 \
     instruction*,prompt*,directive*,guideline*",
    "!to,will,would,can,could,may,might,should,not,never,doesn't,don't,won't,we,they,it,i,that,which \
     ignore,disregard,forget,override,overrule,bypass 1 all,any,your 2 \
     instruction*,prompt,guidelines,programming,training,guardrails,safeguards,restrictions",
    "ignore,disregard,forget everything,anything,all,what 3 above,previously,said,told,learned",
    "you 1 to ignore,disregard,forget,override,bypass 5 instruction*,prompt*,rules,guideline*",
    "do,no not,longer follow,obey 3 previous,prior,earlier,original,initial 2 \
     instruction*,rules,guideline*,prompt",
    "stop,abandon,abort,suspend your 1 current,original,previous,assigned task,work,job,assignment",
    "!to,can,will,could,we reveal,print,output,repeat,show,leak,disclose,display,dump,recite 2 \
     your,the,any 1 system,hidden,initial,secret prompt,instructions",
    "do not 1 tell,inform,notify,alert,reveal 5 user,human,operator",
    "don't,never tell,inform,notify,alert 2 user,human,operator",
    "not,don't,never mention 2 to 1 user",
    "without 1 telling,informing,notifying,alerting 1 user",
    "you are now 3 dan,unrestricted,jailbroken,unfiltered,uncensored,evil,assistant,ai,chatbot,agent",
    "enter,enable,activate 2 dan,god,jailbreak,jailbroken,unrestricted mode",
    "new,revised,true,real,secret,hidden 1 instructions :",
    "your 1 new,real,true,actual,only task,goal,objective,mission,instructions is,are",
    "if you are 3 ai,llm,model,chatbot,assistant,agent 2 reading,processing,summarizing,summarising",
];

/// The same in other languages, each in its order of words.
const LANGUAGES: [&str; 26] = [
    "ignoriere,ignorieren,vergiss,vergessen,missachte,missachten,verwirf 4 \
     vorherig*,bisherig*,obig*,vorangegangen*,vorangehend*,früher*,vorig*,alle,deine 2 \
     anweisung*,instruktion*,befehl*,regeln,vorgaben,prompt*",
    "ignore,ignorez,ignorer,oublie,oubliez 4 instruction*,consigne*,directive*,règles,ordres 3 \
     précédent*,antérieur*,initial*,dessus",
    "ignore,ignorez,oublie,oubliez 3 précédent* 1 instruction*,consigne*,directive*,règles",
    "ignora,ignore,ignorad,olvida,olvide,olvidad,descarta 4 \
     instruccion*,órdenes,reglas,indicacion*,directrices 2 anterior*,previas,previos,precedente*,arriba",
    "ignora,ignore,olvida,olvide 3 anterior*,previas 1 instruccion*,órdenes,reglas,indicacion*",
    "ignore,ignora,esqueça,esquece,desconsidere 4 instruç*,ordens,regras,orientaç* 2 \
     anterior*,prévias,acima",
    "ignora,ignorate,ignori,dimentica,dimenticate,scorda 4 istruzion*,regole,ordini,direttive 2 \
     precedent*,sopra",
    "ignora,ignorate,ignori,dimentica,dimenticate 3 precedent* 1 istruzion*,regole,ordini,direttive",
    "negeer,vergeet 4 vorige,eerdere,voorgaande,bovenstaande 2 instructie*,opdracht*,regels,aanwijzing*",
    "ignorera,glöm,strunta 4 tidigare,föregående,ovanstående 2 instruktion*,regler,anvisning*",
    "ignorer,glem,se 4 tidligere,forrige,foregående,ovenstående 2 instruks*,regler,instruktion*",
    "zignoruj,ignoruj,zapomnij,pomiń 4 poprzedni*,wcześniejsz*,powyższ* 2 instrukcj*,polece*,zasad*,reguł*",
    "ignoruj,ignorujte,zapomeň 4 předchozí*,dosavadní,výše 2 instrukc*,pokyn*,příkaz*",
    "игнорируй,игнорируйте,проигнорируй,проигнорируйте,забудь,забудьте 4 \
     предыдущ*,прежн*,прошл*,вышеуказанн*,все 2 инструкци*,указани*,правила,команды",
    "ігноруй,ігноруйте,проігноруй,забудь,забудьте 4 попередн*,усі,всі 2 інструкці*,вказівк*,правила",
    "önceki,yukarıdaki,tüm 3 talimat*,komut*,kurallar* 3 yoksay*,unut,unutun,dikkate,görmezden",
    "تجاهل,تجاهلي,تجاهلوا,انس 3 التعليمات,تعليمات,الأوامر,الإرشادات 2 السابقة,أعلاه",
    "התעלם,התעלמי,התעלמו,שכח 3 ההוראות,מההוראות,הוראות 2 הקודמות,לעיל",
    "पिछले,पिछली,पूर्व,उपरोक्त 3 निर्देशों,निर्देश,आदेशों,आदेश 3 अनदेखा,अनदेखी,नज़रअंदाज,नजरअंदाज,भूल",
    "忽略,无视,無視,忘记,忘記,忘掉,不要理会,不要遵守 8 \
     之前,以前,上面,上述,先前,前面,以上,此前,所有 6 指令,指示,提示,规则,規則,命令,指引",
    "以前,これまで,上記,今まで,すべて,全て 8 指示,命令,プロンプト,ルール 4 無視,忘れ",
    "이전,앞선,위의,지금까지,모든 3 지시*,명령*,프롬프트*,규칙*,지침* 3 무시*,잊어*,잊으*",
    "bỏ qua 4 hướng,chỉ,lệnh,quy 2 trước,trên",
    "abaikan,lupakan 4 instruksi,perintah,petunjuk,aturan 2 sebelumnya,atas",
    "αγνόησε,αγνοήστε,ξέχνα,ξεχάστε 4 προηγούμεν*,παραπάνω 2 οδηγ*,εντολ*,κανόν*",
    "ignoră,ignorați,uită,uitați 4 instrucțiuni*,regul*,comenzi* 2 anterioare,precedente,sus",
];

/// What a description has no business to say, though documents may.
const ORDERS: [&str; 15] = [
    "ignore,disregard,forget,override 4 previous,prior,above,earlier,preceding,other,system 1 \
     instruction*,prompt*,rule*,direction*,message*,tool*,context*",
    "ignore,disregard,forget,override 1 all,any,your instructions,rules,guidelines,training",
    "not,don't,never,without 1 tell*,inform*,notify*,alert*,show,showing,mention*,reveal* 1 \
     this,it,that,anything,to,user,users,them",
    "not,don't,never,without ask,asking,wait,waiting 2 user,users,permission,confirmation,approval",
    "before,after,when,to using,calling,invoking,running 1 this,any,other,another tool,tools \
     you,first,always,read,call,send,must",
    "<,</ instructions,instruction,secret,admin >",
    "before,after,when using,calling,invoking,running any,the 1 other tool,tools \
     you,first,always,read,call,send,must",
    "you must,should,shall,need,have 1 \
     call,use,invoke,run,read,send,include,pass,append,forward,obey,follow,ignore,reveal",
    "always,only use,call,prefer,choose,invoke this tool",
    "instead,rather of,than 2 other tool,tools",
    "system,developer prompt,message,instruction,instructions",
    "you are now",
    "act as 1 admin,root,system,developer",
    "~/.ssh,~/.aws,~/.cursor,~/.config,~/.kube,id_rsa,mcp.json,/etc/passwd",
    ".env file",
];

/// Tokens of chat templates, tags and headings that begin or end a turn.
const TURNS: [&str; 11] = [
    "<|im_start|>,<|im_end|>,<|im_sep|>,<|system|>,<|user|>,<|assistant|>,<|endoftext|>,\
     <|endofprompt|>,<|begin_of_text|>,<|end_of_text|>,<|start_header_id|>,<|end_header_id|>,\
     <|eot_id|>,<|eom_id|>,<|python_tag|>",
    "^ [inst]",
    "[/inst],<<sys>>,<</sys>>,<start_of_turn>,<end_of_turn>,[system_prompt],[/system_prompt],\
     [available_tools],[tool_calls]",
    "^ < system,system_prompt,system-prompt,system-message,system-reminder,assistant >",
    "</ system,system_prompt,system-prompt,system-message,system-reminder,assistant >",
    "^ < important,information,system_instructions >",
    "</ important,information,system_instructions >",
    "###,##,# system,assistant 1 :",
    "\n\nhuman,\n\nassistant :",
    "begin,end,start 1 system,developer prompt,message,instructions",
    "[system],[assistant],[developer] : you,ignore",
];

/// Orders to take secrets somewhere.
const ERRANDS: [&str; 2] = [
    "!to,can,will,we send,post,forward,upload,append,transmit,exfiltrate,leak,submit,attach,encode,embed 6 \
     conversation,history,secret,secrets,credentials,password,passwords,cookies,prompt,memory 6 \
     http://,https://",
    "!to,can,will,we send,post,forward,upload,transmit,exfiltrate,leak,submit 4 \
     api,access,private,ssh key,keys,token,tokens 6 http://,https://",
];

/// Calls of other servers' tools.
const CALLS: [&str; 3] = [
    "call,use,invoke,run,execute,trigger,using,calling,invoking 3 @tool",
    "rufe,verwende,nutze,appelle,appelez,utilise,utilisez,usa,utiliza,llama,chiama,utilizza,chame,\
     gebruik,вызови,вызовите,используй,используйте 3 @tool",
    "调用,使用,呼叫 3 @tool",
];

/// Markup that hides text from people.
const MARKUP: [&str; 4] = [
    "<!--,<script,<style",
    "display : none",
    "visibility : hidden",
    "font-size : 0",
];
