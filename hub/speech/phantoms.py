"""Phrases that Whisper invents on silence and noise, from the subtitles it was trained on. Normalised, one a line."""

from __future__ import annotations

from typing import Final

NEVER_SAID: Final = frozenset(
    """\
thanks for watching
thank you for watching
thank you so much for watching
please subscribe to my channel
like and subscribe
don t forget to like and subscribe
please like and subscribe
see you in the next video
i ll see you in the next video
subtitles by the amara org community
transcription by castingwords
subtitles by steamteamextra
translated by
transcript emily beynon
untertitel der amara org community
untertitel im auftrag des zdf für funk 2017
untertitelung des zdf 2020
untertitelung aufgrund der amara org community
untertitel von stephanie geiges
vielen dank fürs zuschauen
swr 2020
swr 2021
copyright wdr 2020
copyright wdr 2021
sous titres réalisés par la communauté d amara org
sous titres réalisés para la communauté d amara org
sous titrage société radio canada
sous titrage st 501
merci d avoir regardé cette vidéo
merci d avoir regardé
abonnez vous
n hésitez pas à vous abonner
subtítulos realizados por la comunidad de amara org
subtitulado por la comunidad de amara org
suscríbete al canal
suscríbete
gracias por ver el video
gracias por ver
legendas pela comunidade amara org
obrigado por assistir
inscreva se no canal
sottotitoli creati dalla comunità amara org
sottotitoli e revisione a cura di qtss
sottotitoli a cura di qtss
grazie per aver guardato il video
iscriviti al canale
ondertiteld door de amara org gemeenschap
ondertitels ingediend door de amara org gemeenschap
tv gelderland 2021
napisy stworzone przez społeczność amara org
dziękuję za uwagę
zdjęcia i montaż
продолжение следует
субтитры сделал dimatorzok
субтитры создавал dimatorzok
редактор субтитров а семкин корректор а егорова
спасибо за просмотр
подписывайтесь на канал
субтитры подогнал симон
дякую за перегляд
altyazı m k
abone olmayı unutmayın
izlediğiniz için teşekkür ederim
izlediğiniz için teşekkürler
ترجمة نانسي قنقر
اشتركوا في القناة
شكرا للمشاهدة
ご視聴ありがとうございました
チャンネル登録をお願いいたします
字幕由amara org社区提供
请不吝点赞 订阅 转发 打赏支持明镜与点点栏目
謝謝觀看
谢谢观看
중국어 자막 제공
시청해주셔서 감사합니다
구독과 좋아요 부탁드립니다
cảm ơn các bạn đã theo dõi
hãy subscribe cho kênh la la school để không bỏ lỡ những video hấp dẫn
titulky vytvořil johnyx
www hradeckesluzby cz
tekstet av nicolai winther
undertexter från amara org gemenskapen
υπότιτλοι authorwave
feliratok az amara org közösségtől
""".splitlines()
)
"""Credits and calls of video channels, which nobody says to a patrol: dropped always."""

SAID_IN_DOUBT: Final = frozenset(
    """\
you
bye
bye bye
thank you
thank you very much
thanks
okay
oh
uh
hmm
mm
mmm
so
the end
yeah
i m sorry
music
applause
silence
vielen dank
danke
musik
tschüss
amen
merci
merci beaucoup
musique
gracias
muchas gracias
música
obrigado
tchau
grazie
grazie mille
musica
dank u wel
dziękuję
spasibo
спасибо
музыка
дякую
teşekkürler
müzik
شكرا
موسيقى
ありがとうございました
谢谢
謝謝大家
감사합니다
mbc 뉴스
""".splitlines()
)
"""People do say these: dropped where the model hears rather nobody, or is not sure."""
