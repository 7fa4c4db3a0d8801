// Deutsch. Dieselben Schlüssel wie en.js.
export const de = {
  "app.name": "Online-Wahl",
  "app.skip": "Zum Inhalt springen",
  "app.nav": "Seiten",
  "app.language": "Sprache",
  "app.language_now": "Diese Seite ist jetzt auf Deutsch.",
  "app.connecting": "Die Server werden gefragt …",
  "app.again": "Noch einmal versuchen",
  "app.more": "Mehr anzeigen",
  "app.cancel": "Abbrechen",
  "app.refresh": "Jetzt aktualisieren",
  "app.remove": "Entfernen",

  "nav.index": "Übersicht",
  "nav.vote": "Wählen",
  "nav.board": "Aushang",
  "nav.results": "Ergebnis",
  "nav.recount": "Selbst nachzählen",
  "nav.audit": "Protokoll",
  "nav.official": "Wahlamt",
  "nav.safety": "Was geschützt ist, und was nicht",

  "limits.title": "Was nicht geschützt ist",
  "limits.secrecy":
    "Ihre Stimme ist nicht geheim vor den Menschen, die die Server betreiben. Stimmzettel sind nicht verschlüsselt: Wer einen Server betreibt, kann sehen, wer was wählt.",
  "limits.more": "Nicht für Wahlen zu öffentlichen Ämtern verwenden. Mehr dazu:",

  "servers.title": "Was die Server sagen",
  "servers.rule":
    "Eine Antwort wird nur gezeigt, wenn mindestens {k} von {n} Servern dasselbe sagen.",
  "servers.name": "Server {id} · {name}",
  "servers.confirmed": "Bestätigt von {k} von {n} Servern",
  "servers.waiting": "Noch hat keiner von {n} Servern geantwortet",
  "servers.agreed": "stimmt zu",
  "servers.gone": "stimmte zu und ist jetzt nicht erreichbar",
  "servers.silent": "schweigt: keine Antwort in der Zeit",
  "servers.unreachable": "schweigt: nicht erreichbar",
  "servers.shuts_out": "erreichbar, lässt aber Seiten von {origin} nicht ein",
  "servers.connected": "verbunden",
  "servers.differed": "sagt etwas anderes; das wird geprüft",
  "servers.elsewhere":
    "sagt, er sei den anderen voraus oder hinterher; seine Antwort wird nicht verwendet",
  "servers.refused_by": "{k} von {n} Servern sagen dasselbe.",
  "servers.contradicted": {
    one: "wurde von {n} anderen widerlegt",
    other: "wurde von {n} anderen widerlegt",
  },
  "servers.other_genesis": "nennt andere Server als diese Seite",
  "servers.distrusted": "konnte nicht beweisen, dass er dieser Server ist",
  "servers.fingerprint": "Fingerabdruck der Servergruppe, der diese Seite glaubt:",
  "servers.compare":
    "Vergleichen Sie ihn mit dem in Ihrem Brief. Ist er anders, kann diese Seite gefälscht sein.",

  "alarm.contradicted": {
    one: "Server {id} wurde von {n} anderen widerlegt.",
    other: "Server {id} wurde von {n} anderen widerlegt.",
  },
  "alarm.other_genesis":
    "Server {id} nennt andere Server als diese Seite. Vergleichen Sie den Fingerabdruck unten mit Ihrem Brief.",
  "alarm.distrusted": "Server {id} konnte nicht beweisen, dass er dieser Server ist.",
  "alarm.elsewhere":
    "Server {id} antwortet anders und sagt, er sei den anderen voraus oder hinterher. Vielleicht holt er auf, vielleicht sagt er nicht die Wahrheit.",
  "alarm.not_used":
    "Was er sagt, wird nicht verwendet. Sie sehen hier, worin die anderen Server übereinstimmen.",

  "state.none": "Es gibt noch keine Wahl.",
  "state.draft": "Die Wahl wird vorbereitet.",
  "state.frozen": "Der Stimmzettel steht fest. Die Wahl hat noch nicht begonnen.",
  "state.open": "Die Wahl ist offen, bis das Wahlamt sie schließt.",
  "state.open_until": "Die Wahl ist offen bis {when} ({left}).",
  "state.open_past":
    "Die Wahl soll am {when} enden. Nach der Uhr dieses Geräts ist das vorbei; es zählt die Uhr der Server.",
  "state.ended": "Die Wahl endete am {when}. Die Stimmen sind noch nicht gezählt.",
  "state.closed": "Die Wahl wurde am {when} geschlossen. Die Stimmen werden gezählt.",
  "state.published": "Das Ergebnis wurde am {when} veröffentlicht.",

  "rule.exactly": { one: "Wählen Sie eine Möglichkeit.", other: "Wählen Sie genau {n}." },
  "rule.between": "Wählen Sie {min} bis {max}.",
  "rule.blank": "Sie können diese Frage auch leer lassen.",

  "home.none": "Auf diesen Servern wurde noch keine Wahl vorbereitet.",
  "home.vote": "Jetzt wählen",
  "home.results": "Zum Ergebnis",
  "home.paper": "Was auf dem Stimmzettel steht",
  "home.check": "Prüfen Sie selbst",
  "home.board.what": "Ist mein Stimmzettel da? Suchen Sie Ihren Quittungscode.",
  "home.results.what": "die Stimmen, sobald sie veröffentlicht sind.",
  "home.recount.what": "Ihr Browser zählt alle Stimmzettel noch einmal.",
  "home.audit.what": "alles, was das Wahlamt getan hat.",
  "home.safety.what": "in einfachen Worten.",

  "turnout.title": "Wahlbeteiligung",
  "turnout.line": {
    one: "{voted} von {n} Wahlberechtigten hat gewählt.",
    other: "{voted} von {n} Wahlberechtigten haben gewählt.",
  },
  "turnout.by_district": "Nach Bezirken",
  "turnout.district": "Bezirk",
  "turnout.voters": "Berechtigt",
  "turnout.voted": "Haben gewählt",

  "board.lead":
    "Jeder abgegebene Stimmzettel hängt hier mit seinem Quittungscode aus. Niemand kann am Code erkennen, wer gewählt hat oder was.",
  "board.search": "Suchen",
  "board.label": "Ihr Quittungscode",
  "board.hint":
    "12 Buchstaben und Ziffern, zum Beispiel 7Q4M-X2KD-90ZT. Kleinbuchstaben und fehlende Striche stören nicht.",
  "board.searching": "Wird gesucht …",
  "board.searching.what": "Die Server werden gefragt.",
  "board.confirmed": "Bestätigt: Dieser Stimmzettel liegt in der Urne",
  "board.confirmed.what":
    "Er wird gezählt oder wurde gezählt. Niemand kann ihn ändern oder entfernen.",
  "board.spoiled": "Probestimmzettel: Er zählt nicht",
  "board.spoiled.what":
    "Dieser Code gehört zu einem Probestimmzettel. Was darauf steht, sehen Sie unten in der Liste der Probestimmzettel. Wenn Sie wählen wollten, müssen Sie Ihren Stimmzettel noch abgeben.",
  "board.missing": "Nicht gefunden",
  "board.missing.what":
    "Es gibt keinen Stimmzettel mit diesem Code. Prüfen Sie jedes Zeichen. Steht auf Ihrer Quittung genau dieser Code, dann melden Sie sich damit beim Wahlamt.",
  "board.incomplete": "Dieser Code ist nicht vollständig",
  "board.incomplete.what": {
    one: "Ein Quittungscode hat 12 Buchstaben und Ziffern. Hier ist {n}.",
    other: "Ein Quittungscode hat 12 Buchstaben und Ziffern. Hier sind es {n}.",
  },
  "board.all": {
    one: "{n} Stimmzettel wurde abgegeben",
    other: "{n} Stimmzettel wurden abgegeben",
  },
  "board.order": "Geordnet nach den Codes, nicht danach, wer wann gewählt hat.",
  "board.empty": "Noch wurde kein Stimmzettel abgegeben.",
  "board.tests": "Probestimmzettel",
  "board.tests.what":
    "Wer wählt, kann einen Stimmzettel zur Probe aufnehmen lassen, um zu sehen, dass er so ankommt, wie er ausgefüllt wurde. Probestimmzettel sind öffentlich und zählen nicht.",
  "board.tests.none": "Es gibt keine.",

  "ballot.blank": "Leer (keine Wahl)",
  "ballot.leave_blank": "Diese Frage leer lassen",
  "ballot.left_blank": "Leer gelassen.",
  "ballot.count": "{n} von höchstens {max} gewählt",
  "ballot.nothing": "Hier ist noch nichts gewählt.",
  "ballot.nothing_or_blank":
    "Hier ist noch nichts gewählt. Wählen Sie, oder lassen Sie die Frage leer.",
  "ballot.too_few": { one: "Wählen Sie noch {n}.", other: "Wählen Sie noch {n}." },
  "ballot.too_many": {
    one: "{n} zu viel. Nehmen Sie eine Wahl zurück.",
    other: "{n} zu viel. Nehmen Sie {n} zurück.",
  },
  "form.wrong": {
    one: "Eine Angabe fehlt oder ist falsch",
    other: "{n} Angaben fehlen oder sind falsch",
  },

  "code.none": "Bitte geben Sie Ihren Code ein.",
  "code.strange": "Im Code steht das Zeichen „{c}“, das in keinem Code vorkommt.",
  "code.short": "Der Code ist zu kurz: {n} von {all} Zeichen.",
  "code.long": "Der Code ist zu lang: {n} Zeichen statt {all}.",
  "code.count": "{n} von {all} Zeichen",

  "vote.title": "Wählen",
  "vote.steps": "Schritte der Wahl",
  "vote.step.code": "Code",
  "vote.step.choose": "Wählen",
  "vote.step.check": "Prüfen",
  "vote.step.done": "Fertig",
  "vote.code.title": "Ihr persönlicher Code",
  "vote.code.label": "Persönlicher Code",
  "vote.code.hint":
    "Er steht in Ihrem Brief: 26 Buchstaben und Ziffern in Vierergruppen. Kleinbuchstaben und fehlende Striche stören nicht. Der Code bleibt in diesem Browser; die Server sehen ihn nie.",
  "vote.code.enter": "Zum Stimmzettel",
  "vote.code.busy": "Wird mit den Servern geprüft …",
  "vote.place": "Sind Sie hier richtig?",
  "vote.place.what":
    "Vergleichen Sie diese Gruppen mit denen in Ihrem Brief. Sind sie anders, geben Sie Ihren Code nicht ein, und rufen Sie das Wahlamt an.",
  "vote.choose.title": "Füllen Sie Ihren Stimmzettel aus",
  "vote.choose.lead": "Sie wählen als {name}.",
  "vote.choose.next": "Meine Auswahl prüfen",
  "vote.choose.not_cast":
    "Noch ist nichts abgegeben. Auf der nächsten Seite können Sie alles prüfen.",
  "vote.check.title": "Prüfen Sie Ihre Auswahl",
  "vote.check.not_cast": "Sie haben noch nicht gewählt.",
  "vote.check.once":
    "Jetzt können Sie noch alles ändern. Ist der Stimmzettel abgegeben, kann er weder geändert noch zurückgenommen werden.",
  "vote.check.change": "Ändern",
  "vote.check.change_one": "Ändern: {question}",
  "vote.check.cast": "Stimmzettel jetzt abgeben",
  "vote.casting.title": "Ihr Stimmzettel wird abgegeben",
  "vote.casting.test": "Ihr Probestimmzettel wird aufgenommen",
  "vote.casting.what": "Er ist unterwegs zu {n} Servern. Bitte lassen Sie diese Seite offen.",
  "vote.casting.slow":
    "Es dauert länger als sonst. Bitte lassen Sie diese Seite offen: Sie fragt weiter. Was auch geschieht, Ihre Stimme kann nur einmal zählen.",
  "vote.test.title": "Wenn Sie möchten: erst eine Probe",
  "vote.test.what":
    "Die Server nehmen den Stimmzettel so auf, wie er ankommt, zeigen ihn allen ohne Ihren Namen und zählen ihn nicht. Auf einem anderen Gerät können Sie nachsehen, ob darauf steht, was Sie gewählt haben. Danach müssen Sie noch wählen. Eine Probe findet Fehler; eine gefälschte Seite könnte sich bei einer Probe ehrlich verhalten.",
  "vote.test.left": { one: "Eine Probe ist noch möglich.", other: "{n} Proben sind noch möglich." },
  "vote.test.do": "Probestimmzettel aufnehmen",
  "vote.tested.title": "Das war eine Probe",
  "vote.tested.not_cast": "Sie haben noch nicht gewählt.",
  "vote.tested.what":
    "Der Probestimmzettel zählt nicht. Sehen Sie nach, was darauf steht, gehen Sie dann zurück, und geben Sie Ihren Stimmzettel ab.",
  "vote.tested.code": "Code des Probestimmzettels",
  "vote.tested.look": "Zu den Probestimmzetteln (neuer Tab)",
  "vote.tested.back": "Zurück zu meinem Stimmzettel",
  "vote.done.title": "Sie haben gewählt",
  "vote.done.lead": "Ihr Stimmzettel liegt in der Urne. Sie müssen nichts weiter tun.",
  "vote.done.now": "Und jetzt?",
  "vote.done.close": "Sie sind abgemeldet und können diese Seite schließen.",
  "vote.ended": "Sie wurden hier abgemeldet",
  "vote.ended.nothing": "In diesem Fenster wurde nichts abgegeben.",
  "vote.ended.continue": "In diesem Fenster fortfahren",
  "vote.already": "Sie haben schon gewählt",
  "vote.over": "Ihr Stimmzettel wurde hier nicht abgegeben",
  "vote.unknown": "Es ist nicht sicher, ob Ihr Stimmzettel abgegeben wurde",
  "vote.paper.again": "Stimmzettel ansehen",
  "vote.unknown.look": "Jetzt nachsehen",
  "vote.not.none": "Es gibt noch keine Wahl.",
  "vote.not.none.todo": "Kommen Sie später wieder, oder fragen Sie das Wahlamt.",
  "vote.not.draft": "Die Wahl hat noch nicht begonnen: Sie wird noch vorbereitet.",
  "vote.not.draft.todo":
    "Bewahren Sie Ihren Brief auf, und kommen Sie wieder, wenn die Wahl offen ist.",
  "vote.not.frozen": "Die Wahl hat noch nicht begonnen.",
  "vote.not.frozen.todo":
    "Bewahren Sie Ihren Brief auf, und kommen Sie wieder, wenn die Wahl offen ist. Den Stimmzettel können Sie in der Übersicht lesen.",
  "vote.not.ended": "Die Wahl ist geschlossen: Die Zeit zum Wählen ist vorbei.",
  "vote.not.ended.todo":
    "Es werden keine Stimmzettel mehr angenommen. Wenn Sie gewählt haben, können Sie Ihren Quittungscode im Aushang suchen.",
  "vote.not.closed": "Die Wahl ist geschlossen.",
  "vote.not.closed.todo":
    "Es werden keine Stimmzettel mehr angenommen. Wenn Sie gewählt haben, können Sie Ihren Quittungscode im Aushang suchen.",
  "vote.not.published": "Die Wahl ist vorbei, und das Ergebnis ist veröffentlicht.",
  "vote.not.published.todo":
    "Es werden keine Stimmzettel mehr angenommen. Sie können das Ergebnis ansehen, selbst nachzählen und Ihren Quittungscode suchen.",

  "receipt.code": "Ihr Quittungscode",
  "receipt.election": "Wahl",
  "receipt.when": "Abgegeben",
  "receipt.seq": "Nummer in der Reihenfolge aller Anfragen",
  "receipt.on_board": "Er steht im Aushang.",
  "receipt.not_on_board": "Er steht nicht im Aushang. Bitte melden Sie das dem Wahlamt.",
  "receipt.what":
    "Bewahren Sie diesen Code auf. Mit ihm können Sie im Aushang jederzeit und von jedem Gerät sehen, dass Ihr Stimmzettel da ist.",
  "receipt.hides": "Der Code zeigt nicht, was Sie gewählt haben.",
  "receipt.print": "Quittung drucken",
  "receipt.save": "Als Datei speichern",

  "ended.replaced":
    "Ihr Code wurde in einem anderen Fenster oder auf einem anderen Gerät benutzt. Darum wurde dieses Fenster abgemeldet.",
  "ended.expired": "Sie waren lange nicht aktiv.",
  "ended.other": "Die Server haben die Verbindung beendet ({reason}).",
  "ended.left": "Sie haben sich abgemeldet.",

  "results.not_yet": "Das Ergebnis ist noch nicht veröffentlicht.",
  "results.not_yet.todo": "Es erscheint hier, sobald das Wahlamt es veröffentlicht.",
  "results.lead": {
    one: "{n} Stimmzettel wurde gezählt.",
    other: "{n} Stimmzettel wurden gezählt.",
  },
  "results.candidate": "Auswahl",
  "results.votes": "Stimmen",
  "results.share": "Anteil",
  "results.sum": "Summe",
  "results.adds_up": {
    one: "Ein Stimmzettel, und die Summe ist {sum}.",
    other: "{n} Stimmzettel, und die Summe ist {sum}.",
  },
  "results.several": {
    one: "Ein Stimmzettel. Auf einem Stimmzettel kann mehreres gewählt sein, darum kann die Summe größer sein.",
    other:
      "{n} Stimmzettel. Auf einem Stimmzettel kann mehreres gewählt sein, darum kann die Summe größer sein.",
  },
  "results.own": "Glauben Sie es nicht einfach",
  "results.own.what":
    "Lassen Sie Ihren Browser alle Stimmzettel noch einmal zählen, oder bewahren Sie die ganzen Unterlagen der Wahl auf, damit sie jeder prüfen kann.",
  "results.record": "Unterlagen herunterladen",
  "results.taken": "Die Unterlagen wurden gespeichert.",

  "recount.lead":
    "Ihr Browser nimmt alle veröffentlichten Stimmzettel, zählt sie selbst zusammen und vergleicht die Summen mit dem veröffentlichten Ergebnis.",
  "recount.begin": "Woher sollen die Stimmzettel kommen?",
  "recount.now": "Server fragen und zählen",
  "recount.file": "Oder Unterlagen öffnen, die jemand aufbewahrt hat",
  "recount.bad_file": "Diese Datei enthält keine Unterlagen einer Wahl.",
  "recount.bad_file.todo":
    "Wählen Sie eine Datei, die mit „Unterlagen herunterladen“ gespeichert wurde.",
  "recount.ok": "Das Ergebnis stimmt",
  "recount.ok.what": "Jede Summe, die dieser Browser gezählt hat, gleicht der veröffentlichten.",
  "recount.wrong": "Das Ergebnis geht nicht auf",
  "recount.wrong.what":
    "Mindestens eine Summe oder Prüfung unten stimmt nicht. Bewahren Sie die Unterlagen auf, und sagen Sie es dem Wahlamt und anderen, die nachzählen.",
  "recount.other_cluster": "Diese Unterlagen sind von einer anderen Servergruppe als diese Seite.",
  "recount.published": "Veröffentlicht",
  "recount.counted": "Hier gezählt",
  "recount.compare": "Vergleich",
  "recount.same": "gleich",
  "recount.differs": "verschieden",
  "recount.checks": "Was noch geprüft wurde",
  "recount.right": "Stimmt.",
  "recount.not_right": "Stimmt nicht!",
  "recount.check.every_ballot": "„{question}“: {n} Antworten zu {receipts} Quittungscodes.",
  "recount.check.lawful": "„{question}“: Jeder Stimmzettel folgt den Regeln.",
  "recount.check.turnout": "{n} Personen haben gewählt, und {receipts} Quittungscodes hängen aus.",
  "recount.check.no_double": "Kein Quittungscode steht zweimal da.",
  "recount.check.nothing_else": "Es gibt keine Stimmzettel oder Summen zu anderen Fragen.",

  "audit.lead":
    "Alles, was Verwaltung und Wahlamt getan haben, der Reihe nach. Niemand kann einen Eintrag ändern oder entfernen. Stimmzettel stehen hier nicht: Eine Uhrzeit neben einem Stimmzettel würde verraten, wessen er ist.",
  "audit.entries": { one: "{n} Eintrag", other: "{n} Einträge" },
  "audit.admin": "Verwaltung mit Schlüssel {key}",
  "audit.number": "Nr.",
  "audit.when": "Wann",
  "audit.what": "Was",
  "audit.who": "Wer",
  "audit.save": "Als Datei speichern (CSV)",
  "audit.officials": "Beauftragte",
  "audit.no_officials": "Niemand ist beauftragt; die Verwaltung führt die Wahl durch.",
  "audit.official": "{name}, beauftragt am {when}",

  "action.create_election": "Titel und Beschreibung",
  "action.add_question": "Frage hinzugefügt",
  "action.remove_question": "Frage entfernt",
  "action.add_candidate": "Auswahl hinzugefügt",
  "action.remove_candidate": "Auswahl entfernt",
  "action.import_voters": "Ins Verzeichnis aufgenommen",
  "action.exclude_voter": "Von der Wahl ausgeschlossen",
  "action.replace_code": "Neuer Code",
  "action.appoint_official": "Beauftragt",
  "action.dismiss_official": "Auftrag beendet",
  "action.freeze": "Stimmzettel und Verzeichnis festgelegt",
  "action.open": "Wahl geöffnet",
  "action.extend": "Ende verschoben",
  "action.close": "Wahl geschlossen",
  "action.tally": "Stimmen gezählt",
  "action.publish": "Ergebnis veröffentlicht",

  "safety.not": "Was nicht geschützt ist",
  "safety.not.1": "Das Wahlgeheimnis gegenüber denen, die die Server betreiben.",
  "safety.not.1.what":
    "Stimmzettel sind nicht verschlüsselt. Jeder Server muss einen Stimmzettel sehen, um sich mit den anderen darauf zu einigen. Wer einen Server betreibt, kann also sehen, wer was wählt.",
  "safety.not.2": "Sie, wenn jemand Druck ausübt.",
  "safety.not.2.what":
    "Jemand kann Ihnen über die Schulter sehen oder verlangen, dass Sie vor seinen Augen wählen. Der Quittungscode zeigt nicht, was Sie gewählt haben.",
  "safety.not.3": "Ihr Gerät.",
  "safety.not.3.what":
    "Ein Schadprogramm in Ihrem Computer oder Browser kann Ihnen etwas anderes zeigen, als es sendet. Ein Probestimmzettel findet manches davon, nicht alles.",
  "safety.not.4": "Diese Seite selbst, wenn Sie nicht vergleichen.",
  "safety.not.4.what":
    "Die Seite kommt von einem Server. Ist er unehrlich, kann er eine gefälschte Seite schicken, und die behauptet, was sie will, auch über Fingerabdrücke. Öffnen Sie die Seite von mehreren Servern oder von einem Ort, dem Sie vertrauen.",
  "safety.not.5": "Wer die Briefe in der Hand hat.",
  "safety.not.5.what":
    "Das Wahlamt macht die Codes. Wer Ihren Brief vor Ihnen liest, kann an Ihrer Stelle wählen; Ihnen wird dann gesagt, dass Sie schon gewählt haben.",
  "safety.yes": "Was geschützt ist",
  "safety.yes.1": "Die Zählung.",
  "safety.yes.1.what":
    "Kein einzelner Server kann einen Stimmzettel hinzufügen, ändern, verlieren oder falsch zählen. Diese Seite glaubt nur, was mehrere Server gleich sagen, und nennt den, der etwas anderes sagt.",
  "safety.yes.2": "Eine Person, ein Stimmzettel.",
  "safety.yes.2.what":
    "Niemand kann zweimal wählen, vor der Öffnung oder nach dem Ende: auch nicht, wer die Datenbank betreibt.",
  "safety.yes.3": "Ihr Code.",
  "safety.yes.3.what":
    "Er verlässt Ihren Browser nie. Die Server haben nur seine öffentliche Hälfte, mit der niemand wählen kann.",
  "safety.yes.4": "Dass es weitergeht.",
  "safety.yes.4.what":
    "Fällt ein Server mitten in der Wahl aus, machen die anderen weiter, und nichts, was bestätigt wurde, geht verloren.",
  "safety.do": "Was Sie selbst tun können",
  "safety.do.1": "Vergleichen Sie den Fingerabdruck unten mit dem in Ihrem Brief.",
  "safety.do.2":
    "Bewahren Sie Ihren Quittungscode auf, und suchen Sie ihn im Aushang, von einem anderen Gerät und einem anderen Server aus.",
  "safety.do.3": "Lassen Sie nach der Wahl Ihren Browser nachzählen.",
  "safety.do.4": "Sagen Sie dem Wahlamt, wenn etwas nicht übereinstimmt.",
  "safety.mine": "Diese Seite glaubt den Servern mit diesem Fingerabdruck:",

  "error.title": "Diese Seite kommt nicht weiter",
  "error.detail": "Für das Wahlamt: {code}. {message}",
  "error.reason": "Grund: {reason}",
  "error.other": "Etwas ist schiefgegangen.",
  "todo.other":
    "Bitte versuchen Sie es noch einmal. Geschieht es wieder, rufen Sie das Wahlamt an.",
  "error.no_quorum": "Zu wenige Server haben rechtzeitig dasselbe geantwortet.",
  "todo.no_quorum":
    "Prüfen Sie, ob Sie mit dem Internet verbunden sind, und versuchen Sie es noch einmal. Was zu wenige Server bestätigen, wird nicht gezeigt.",
  "todo.shut_out":
    "Die Server sind da, lassen aber Seiten dieser Adresse nicht ein. Wer sie betreibt, kann das erlauben: prytany replica … --origin {origin}",
  "error.outcome_unknown": "Die Server haben das nicht rechtzeitig bestätigt.",
  "todo.outcome_unknown":
    "Sehen Sie jetzt nach, ob es geschehen ist. Nichts kann zweimal geschehen.",
  "error.insecure_page":
    "Diese Seite wurde unverschlüsselt (http) von einem anderen Computer geöffnet. Jeder auf dem Weg hätte sie ändern können.",
  "todo.insecure_page":
    "Öffnen Sie sie mit https. Auf dem Computer des Servers selbst geht http://localhost.",
  "error.insecure_address": "Diese Seite kam verschlüsselt, die Adressen der Server sind es nicht.",
  "todo.insecure_address":
    "Die Betreiber der Server müssen Verschlüsselung einrichten (wss). Sagen Sie es dem Wahlamt.",
  "error.no_ed25519":
    "Dieser Browser ist zu alt: Er kann die nötigen Unterschriften nicht leisten.",
  "todo.no_ed25519": "Verwenden Sie eine aktuelle Version von Firefox, Chrome, Edge oder Safari.",
  "error.no_x25519":
    "Dieser Browser ist zu alt: Er kann mit den Servern keine Schlüssel vereinbaren.",
  "todo.no_x25519": "Verwenden Sie eine aktuelle Version von Firefox, Chrome, Edge oder Safari.",
  "error.no_websocket": "Dieser Browser kann die nötigen Verbindungen nicht öffnen.",
  "todo.no_websocket": "Verwenden Sie eine aktuelle Version von Firefox, Chrome, Edge oder Safari.",
  "error.bad_genesis":
    "Dieser Server hat seine Servergruppe nicht so genannt, dass es sich prüfen lässt.",
  "todo.bad_genesis": "Öffnen Sie die Seite von einem anderen Server. Sagen Sie es dem Wahlamt.",
  "error.bad_code": "Das ist kein persönlicher Code.",
  "todo.bad_code":
    "Vergleichen Sie ihn Zeichen für Zeichen mit Ihrem Brief. Die Buchstaben O, I, L und U kommen in keinem Code vor: Es sind die Ziffern 0 und 1, oder ein V.",
  "error.not_on_the_roll": "Dieser Code steht nicht im Verzeichnis dieser Wahl.",
  "todo.not_on_the_roll":
    "Vergleichen Sie jedes Zeichen mit Ihrem Brief. Ist es der Brief zu dieser Wahl? Stimmt der Code und geht trotzdem nicht, rufen Sie das Wahlamt an: Sie können einen neuen bekommen.",
  "error.excluded": "Sie sind von dieser Wahl ausgeschlossen.",
  "todo.excluded": "Der Grund steht unten. Sind Sie nicht einverstanden, rufen Sie das Wahlamt an.",
  "error.key_not_valid": "Dieser Code oder Schlüssel gilt nicht mehr.",
  "todo.key_not_valid":
    "Er wurde ersetzt oder entzogen, und mit ihm geht nichts mehr. Benutzen Sie den neuen. Haben Sie das nicht verlangt, rufen Sie das Wahlamt an.",
  "error.paper_changed": "Der Stimmzettel ist inzwischen ein anderer.",
  "todo.paper_changed": "Nichts wurde abgegeben. Sehen Sie den jetzigen an und wählen Sie neu.",
  "error.already_voted":
    "Mit diesem Code wurde schon ein Stimmzettel abgegeben. Er zählt und kann nicht geändert werden.",
  "todo.already_voted":
    "Sie müssen nichts weiter tun. Suchen Sie Ihren Quittungscode im Aushang. Wenn nicht Sie gewählt haben, rufen Sie sofort das Wahlamt an.",
  "error.closed": "Die Wahl ist geschlossen: Die Zeit zum Wählen ist vorbei.",
  "todo.closed":
    "Ihr Stimmzettel wurde nicht angenommen. Das Wahlamt kann die Zeit verlängern; sonst ist es zu spät.",
  "error.not_open": "Die Wahl ist nicht offen.",
  "todo.not_open": "Nichts wurde abgegeben. Kommen Sie wieder, wenn die Wahl offen ist.",
  "error.not_a_voter":
    "Dieser Code gehört einer oder einem Beauftragten, nicht zu einer Wahlberechtigung.",
  "todo.not_a_voter":
    "Beauftragte benutzen die Seite „Wahlamt“. Zum Wählen brauchen Sie den Code aus Ihrem Wahlbrief.",
  "error.not_an_official": "Dieser Code gehört zu einer Wahlberechtigung, nicht zu einem Auftrag.",
  "todo.not_an_official": "Zum Wählen öffnen Sie die Seite „Wählen“.",
  "error.no_more_tests": "Alle drei Proben sind gemacht.",
  "todo.no_more_tests": "Gehen Sie zurück, und geben Sie Ihren Stimmzettel ab.",
  "error.session_ended": "Sie wurden abgemeldet.",
  "todo.session_ended": "Geben Sie Ihren Code noch einmal ein.",
  "error.unknown_session": "Sie wurden abgemeldet.",
  "todo.unknown_session": "Geben Sie Ihren Code noch einmal ein. Nichts kann zweimal geschehen.",
  "error.session_table_full": "Die Server sind im Augenblick voll.",
  "todo.session_table_full": "Bitte versuchen Sie es in einigen Minuten noch einmal.",
  "error.not_authorized": "Die Server kennen diesen Schlüssel nicht.",
  "todo.not_authorized":
    "Verwenden Sie den Code oder die Schlüsseldatei, die zu dieser Wahl gehört.",
  "error.bad_key": "Diese Datei ist kein Schlüssel.",
  "todo.bad_key":
    "Wählen Sie die Datei, die für die Verwaltung gemacht wurde (eine Textdatei, die mit BEGIN PRIVATE KEY beginnt).",
  "error.not_allowed": "Das dürfen Sie nicht.",
  "todo.not_allowed": "Fragen Sie die Verwaltung.",
  "error.wrong_state": "Das geht an dieser Stelle der Wahl nicht.",
  "todo.wrong_state":
    "Vielleicht hat inzwischen jemand anders einen Schritt getan. Laden Sie die Seite neu.",
  "error.not_ready": "Die Wahl ist noch nicht so weit.",
  "todo.not_ready": "Sehen Sie in der Liste nach, was fehlt.",
  "error.already_there": "Das gibt es schon.",
  "todo.already_there": "Wählen Sie einen anderen Namen.",
  "error.duplicate_voter": "Eine Person mit dieser Nummer steht schon im Verzeichnis.",
  "todo.duplicate_voter":
    "Von diesem Teil wurde nichts aufgenommen. Berichtigen Sie die Datei, und wählen Sie sie noch einmal.",
  "error.already_appointed": "Es ist schon jemand mit diesem Namen beauftragt.",
  "todo.already_appointed": "Wählen Sie einen anderen Namen.",
  "error.does_not_add_up":
    "Es gibt nicht so viele Stimmzettel, wie Personen gewählt haben. Das darf nie geschehen.",
  "todo.does_not_add_up":
    "Veröffentlichen Sie nichts. Lassen Sie die Server, wie sie sind, und lassen Sie sie untersuchen.",
  "error.bad_time": "Das Ende liegt in der Vergangenheit oder nicht nach dem alten.",
  "todo.bad_time": "Wählen Sie eine spätere Zeit.",

  "official.lead":
    "Für alle, die die Wahl durchführen. Was Sie hier tun, entscheiden alle Server gemeinsam, und es steht im öffentlichen Protokoll.",
  "official.code": "Mit einem persönlichen Code",
  "official.code.label": "Code der oder des Beauftragten",
  "official.key": "Mit dem Schlüssel der Verwaltung",
  "official.key.label": "Schlüsseldatei",
  "official.key.what":
    "Die Datei bleibt in diesem Browser. Auf Servern zur Entwicklung ist es admin.key im Ordner der Servergruppe.",
  "official.enter": "Anmelden",
  "official.again":
    "Melden Sie sich wieder an, um weiterzumachen. Was bestätigt wurde, ist geschehen.",
  "official.who": "Angemeldet als {who}.",
  "official.leave": "Abmelden",
  "official.sections": "Wahlamt",

  "office.overview": "Nächster Schritt",
  "office.roll": "Verzeichnis und Briefe",
  "office.ballot": "Stimmzettel",
  "office.officials": "Beauftragte",
  "office.audit": "Protokoll",
  "office.course": "Ablauf der Wahl",
  "office.waiting": "Warten auf die Server …",
  "office.goes_on":
    "Lassen Sie diese Seite offen: Sie fragt weiter und zeigt, wie es steht, sobald Server antworten.",
  "office.answers_again":
    "Die Server antworten wieder. Diese Seite zeigt, wie es jetzt steht.",
  "office.title.new": "Wahl anlegen",
  "office.title.change": "Titel und Beschreibung",
  "office.title.label": "Titel der Wahl",
  "office.title.missing": "Die Wahl braucht einen Titel.",
  "office.title.save": "Speichern",
  "office.description.label": "Beschreibung (freiwillig)",
  "office.closes.label": "Ende der Wahl (freiwillig)",
  "office.closes.hint":
    "In der Zeitzone dieses Computers. Ohne Angabe endet die Wahl, wenn Sie sie schließen.",
  "office.time.past": "Das Ende liegt in der Vergangenheit.",
  "office.extend": "Zeit zum Wählen verlängern",
  "office.extend.what":
    "Die Wahl endet am {when}. Das Ende kann verschoben, aber nie vorverlegt werden; der Grund steht im Protokoll.",
  "office.extend.label": "Neues Ende",
  "office.extend.later": "Das neue Ende muss nach dem alten und in der Zukunft liegen.",
  "office.reason.label": "Grund",
  "office.reason.missing": "Ein Grund ist nötig.",

  "course.draft": "Vorbereiten",
  "course.frozen": "Festgelegt",
  "course.open": "Wählen",
  "course.closed": "Zählen",
  "course.published": "Veröffentlicht",

  "next.freeze": "Als Nächstes: Stimmzettel und Verzeichnis festlegen",
  "next.freeze.what":
    "Danach kann niemand mehr Fragen, Auswahl oder Verzeichnis ändern. Das lässt sich nicht rückgängig machen.",
  "next.open": "Als Nächstes: die Wahl öffnen",
  "next.open.what":
    "Stimmzettel und Verzeichnis stehen fest. Sobald Sie öffnen, können Stimmzettel abgegeben werden.",
  "next.close": "Wahl schließen",
  "next.close.what": "Danach kann niemand mehr wählen, und sie lässt sich nicht wieder öffnen.",
  "next.close.ended":
    "Die Zeit ist vorbei, und Stimmzettel werden nicht mehr angenommen. Schließen Sie die Wahl, damit gezählt werden kann; oder verlängern Sie die Zeit.",
  "next.tally": "Als Nächstes: die Stimmen zählen",
  "next.tally.what":
    "Die Server zählen alle Stimmzettel. Nur das Wahlamt sieht die Summen, bis Sie sie veröffentlichen.",
  "next.publish": "Als Nächstes: das Ergebnis veröffentlichen",
  "next.publish.what": "Prüfen Sie die Summen. Danach kann sie jeder sehen und nachzählen.",
  "next.nothing": "Die Wahl ist abgeschlossen",
  "next.nothing.what": "Es bleibt nichts zu tun. Jeder kann prüfen:",

  "do.freeze": "Stimmzettel und Verzeichnis festlegen",
  "do.open": "Wahl öffnen",
  "do.extend": "Verlängern",
  "do.close": "Wahl schließen",
  "do.tally": "Stimmen zählen",
  "do.tally_again": "Noch einmal zählen",
  "do.publish": "Ergebnis veröffentlichen",

  "did.title": "Gespeichert.",
  "did.question": "Die Frage wurde hinzugefügt.",
  "did.candidate": "Die Auswahl wurde hinzugefügt.",
  "did.removed": "Entfernt.",
  "did.import": "Sie stehen im Verzeichnis.",
  "did.exclude": "Die Person ist ausgeschlossen.",
  "did.renew": "Der alte Code ist wertlos, und ein neuer ist gemacht.",
  "did.appoint": "Die Person ist beauftragt.",
  "did.dismiss": "Der Auftrag ist beendet.",
  "did.freeze": "Stimmzettel und Verzeichnis stehen fest.",
  "did.open": "Die Wahl ist offen.",
  "did.extend": "Die Zeit ist verlängert.",
  "did.close": "Die Wahl ist geschlossen.",
  "did.tally": "Die Stimmen sind gezählt.",
  "did.publish": "Das Ergebnis ist veröffentlicht.",

  "check.title": "Die Wahl hat einen Titel.",
  "check.questions": { one: "Es gibt eine Frage.", other: "Es gibt {n} Fragen." },
  "check.candidates": "Jede Frage hat genug Auswahl.",
  "check.candidates.missing":
    "„{question}“ hat zu wenig Auswahl: {n}, und {max} dürfen gewählt werden.",
  "check.roll": {
    one: "Eine Person steht im Verzeichnis.",
    other: "{n} Personen stehen im Verzeichnis.",
  },
  "check.ok": "erledigt",
  "check.go": "zu tun: {section}",
  "check.servers_ok": "Auch die Server haben es geprüft: Nichts fehlt.",
  "check.servers": {
    one: "Die Server sagen: Ein Punkt fehlt.",
    other: "Die Server sagen: {n} Punkte fehlen.",
  },
  "check.yourself": "Prüfen Sie selbst, am besten zu zweit",
  "check.not_ready": "Es fehlt noch etwas: Sehen Sie in der Liste nach.",
  "check.not_ticked": "Bitte bestätigen Sie die beiden Punkte, die nur Menschen prüfen können.",
  "tick.letters":
    "Die Briefe aller Wahlberechtigten sind gedruckt oder sicher gespeichert. Sie lassen sich nicht noch einmal erzeugen.",
  "tick.read": "Wir haben Titel, Fragen und Namen gelesen, und sie sind richtig.",

  "sure.freeze": "Stimmzettel und Verzeichnis endgültig festlegen?",
  "sure.freeze.what": "Danach kann niemand mehr Fragen, Auswahl und Verzeichnis ändern.",
  "sure.open": "Wahl jetzt öffnen?",
  "sure.open.what": "Sie endet am {when}.",
  "sure.open_without_end": "Wahl ohne Ende öffnen?",
  "sure.open_without_end.what":
    "Es ist kein Ende angegeben. Die Wahl läuft, bis Sie sie schließen, und ein Ende lässt sich später nicht setzen.",
  "sure.close": "Wahl endgültig schließen?",
  "sure.close.what": "Danach kann niemand mehr wählen, und sie lässt sich nicht wieder öffnen.",
  "sure.close_early": "Vor dem angekündigten Ende schließen?",
  "sure.close_early.what":
    "Angekündigt ist, dass bis {when} gewählt werden kann. Die Wahl lässt sich nicht wieder öffnen.",
  "sure.publish": "Ergebnis veröffentlichen?",
  "sure.publish.what": "Danach kann es jeder sehen. Es lässt sich nicht zurücknehmen.",

  "paper.frozen": "Der Stimmzettel steht fest und kann nur gelesen werden.",
  "paper.title_first": "Geben Sie der Wahl zuerst einen Titel, unter „Nächster Schritt“.",
  "paper.no_candidates": "Noch keine Auswahl.",
  "paper.candidate": "Neue Auswahl (Name)",
  "paper.candidate.missing": "Es fehlt der Name.",
  "paper.add_candidate": "Hinzufügen",
  "paper.remove_candidate": "{name} entfernen",
  "paper.remove_question": "Frage mit ihrer Auswahl entfernen",
  "paper.new": "Neue Frage",
  "paper.text": "Frage, wie sie auf dem Stimmzettel steht",
  "paper.text.missing": "Die Frage braucht einen Text.",
  "paper.min": "Mindestens wählen",
  "paper.max": "Höchstens wählen",
  "paper.numbers": "„Mindestens“ muss 1 oder mehr sein, „höchstens“ nicht kleiner.",
  "paper.blank": "Die Frage darf leer gelassen werden",
  "paper.add": "Frage hinzufügen",

  "csv.column.id": "Nummer",
  "csv.column.name": "Name",
  "csv.column.district": "Bezirk",
  "csv.not_utf8":
    "Die Datei ist nicht in UTF-8. Speichern Sie sie in der Tabelle noch einmal als „CSV UTF-8“.",
  "csv.open_quote": "Ein Anführungszeichen in Zeile {line} wird nie geschlossen.",
  "csv.empty": "Die Datei ist leer.",
  "csv.no_rows": "Es gibt nur die Kopfzeile und keine Person.",
  "csv.no_column":
    "In der Kopfzeile fehlt die Spalte „{column}“. Die erste Zeile muss die Spalten nennen: id, name, district.",
  "csv.missing": "{column} fehlt.",
  "csv.too_long": "{column} ist länger als {max} Zeichen.",
  "csv.too_many":
    "{n} Felder statt {most}: Steht in einem Namen ein Komma? Setzen Sie ihn in Anführungszeichen.",
  "csv.twice": "Dieselbe Nummer wie in Zeile {other}.",
  "csv.taken": "Diese Nummer steht schon im Verzeichnis.",

  "roll.import": "Personen ins Verzeichnis aufnehmen",
  "roll.import.what":
    "Speichern Sie die Liste der Wahlberechtigten aus Ihrer Tabelle als CSV, mit den Spalten id, name, district. Sie sehen zuerst, was darin steht; noch wird nichts gesendet.",
  "roll.example": "Beispiel einer Datei",
  "roll.file": "Liste der Wahlberechtigten (CSV)",
  "roll.unreadable": "{file} kann nicht gelesen werden.",
  "roll.preview": { one: "{file}: eine Person.", other: "{file}: {n} Personen." },
  "roll.districts": { one: "Ein Bezirk.", other: "{n} Bezirke." },
  "roll.errors": {
    one: "Eine Zeile enthält Fehler. Berichtigen Sie die Datei, und wählen Sie sie noch einmal.",
    other:
      "{n} Zeilen enthalten Fehler. Berichtigen Sie die Datei, und wählen Sie sie noch einmal.",
  },
  "roll.no_errors": "Es wurden keine Fehler gefunden.",
  "roll.error_table": "Zeilen mit Fehlern",
  "roll.line": "Zeile",
  "roll.what_is_wrong": "Was falsch ist",
  "roll.more_errors": "Und {n} weitere.",
  "roll.first_rows": "Die ersten Zeilen",
  "roll.make": { one: "Einen Code machen", other: "{n} Codes machen" },
  "roll.made": { one: "Ein Code ist gemacht", other: "{n} Codes sind gemacht" },
  "roll.only_here": "Die Codes gibt es nur in diesem Fenster.",
  "roll.only_here.what":
    "Drucken Sie die Briefe oder speichern Sie die Codes jetzt, am besten an einem Computer ohne Netzwerkdrucker. Wer einen Code hat, kann damit wählen. Die Server bekommen nur die öffentliche Hälfte, aus der niemand den Code zurückgewinnen kann.",
  "roll.print": "Drucken",
  "roll.save": "Codes als Datei speichern",
  "roll.sample": "Den ersten Brief ansehen",
  "roll.saved": "Die Briefe sind gedruckt oder die Codes gespeichert, und ich habe sie angesehen.",
  "roll.save_first":
    "Drucken Sie zuerst die Briefe oder speichern Sie die Codes, und bestätigen Sie es.",
  "roll.put": {
    one: "Eine Person ins Verzeichnis aufnehmen",
    other: "{n} Personen ins Verzeichnis aufnehmen",
  },
  "roll.making": "{n} von {all} Codes sind erzeugt.",
  "roll.progress": "{n} von {all} stehen im Verzeichnis.",
  "roll.put_again": {
    one: "Bei einer Person ist nicht sicher, ob sie im Verzeichnis steht. Drücken Sie noch einmal auf den Knopf: Niemand kann zweimal im Verzeichnis stehen, und der Code bleibt derselbe.",
    other: "Bei {n} Personen ist nicht sicher, ob sie im Verzeichnis stehen. Drücken Sie noch einmal auf den Knopf: Niemand kann zweimal im Verzeichnis stehen, und die Codes bleiben dieselben.",
  },
  "roll.on_it": {
    one: "Eine Person steht im Verzeichnis",
    other: "{n} Personen stehen im Verzeichnis",
  },
  "roll.filter": "Nach Nummer oder Name suchen",
  "roll.showing": "{n} von {all} gezeigt",
  "roll.table": "Verzeichnis",
  "roll.status": "Stand",
  "roll.actions": "Aktionen",
  "roll.voted": "hat gewählt",
  "roll.excluded": "ausgeschlossen: {reason}",
  "roll.frozen":
    "Das Verzeichnis steht fest: Niemand kann mehr aufgenommen werden. Bis die Wahl geschlossen ist, können Sie ausschließen, wer noch nicht gewählt hat, und einen verlorenen Code ersetzen.",
  "roll.exclude": "Ausschließen",
  "roll.exclude.title": "{name} ausschließen?",
  "roll.exclude.what":
    "Die Person und alle, die das Protokoll lesen, sehen den Grund. Es lässt sich nicht rückgängig machen.",
  "roll.renew": "Neuer Code",
  "roll.renew.title": "Neuer Code für {name}?",
  "roll.renew.what": "Der alte Code wird wertlos. Alle, die das Protokoll lesen, sehen den Grund.",
  "roll.renewed": "Neuer Code für {name}",
  "roll.renewed.what":
    "Er wird nur jetzt gezeigt. Drucken Sie den Brief, oder schreiben Sie den Code auf.",

  "letter.voter": "Nummer im Verzeichnis {id}, {district}",
  "letter.official": "Beauftragt mit der Durchführung der Wahl",
  "letter.code": "Ihr persönlicher Code. Halten Sie ihn geheim: Wer ihn hat, kann ihn benutzen.",
  "letter.open": "Öffnen Sie diese Adresse in einem Browser:",
  "letter.compare": "Vergleichen Sie dies mit dem Fingerabdruck, den die Seite zeigt:",
  "letter.type":
    "Geben Sie Ihren Code ein, wählen und prüfen Sie, und geben Sie den Stimmzettel ab. Sie erhalten einen Quittungscode. Sie können einmal wählen.",
  "letter.run": "Geben Sie Ihren Code ein. Was Sie tun, steht im öffentlichen Protokoll.",
  "letter.keep_official":
    "Niemand hat eine Kopie dieses Codes. Verlieren Sie den Brief, bitten Sie die Verwaltung um einen neuen.",
  "letter.keep":
    "Das Wahlamt behält keine Kopie dieses Codes. Verlieren Sie den Brief, bevor Sie gewählt haben, verlangen Sie einen neuen.",

  "officials.appoint": "Jemanden beauftragen",
  "officials.what":
    "Beauftragte führen die Wahl mit einem persönlichen Code durch. Jeder kann sehen, wer sie sind.",
  "officials.name": "Name",
  "officials.letter": "Brief",
  "officials.once":
    "Dieser Code wird nur jetzt gezeigt. Drucken Sie den Brief, oder schreiben Sie den Code auf.",
  "officials.dismiss": "Auftrag beenden",
  "officials.dismiss.sure": "Den Auftrag von {name} beenden?",
  "officials.dismiss.what":
    "Mit dem Code kann sich niemand mehr anmelden. Wer angemeldet ist, bleibt es bis zum Abmelden.",

  "dev.title": "Entwicklung: einem Server schaden",
  "dev.what":
    "Nur auf Servern zur Entwicklung. Halten Sie einen Server an, oder lassen Sie einen lügen, und sehen Sie zu, wie nichts verloren geht.",
  "dev.server": "Server {id}",
  "dev.state.running": "läuft",
  "dev.state.stopped": "ist angehalten",
  "dev.state.lying": "lügt",
  "dev.action.kill": "Anhalten",
  "dev.action.start": "Starten",
  "dev.action.lie": "Lügen lassen",
  "dev.action.stop_lying": "Lügen beenden",
};
