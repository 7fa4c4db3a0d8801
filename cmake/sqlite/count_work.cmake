# SQLite counts the steps of its virtual machine, and one step may go through a megabyte, or a
# thousand names. What a step does beyond its own is counted here, where it is done: these lines go
# into a copy of the pinned source, which does the same as before and adds up what it does. One unit
# is about a nanosecond (server/app/meter.h; docs/decisions/0005-budgets-below-sqlite.md).
#
# Only what follows from the statement and the database is counted. So nothing here may stand where
# pages are loaded, written or kept. Choosing a plan is counted apart, since a statement that is
# kept has one already (server/app/engine.h).

# Adds `line` behind `anchor`, which is once in the source.
function(count_work anchor line)
  string(FIND "${sqlite_text}" "${anchor}" first)
  string(FIND "${sqlite_text}" "${anchor}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "not once in SQLite's source: ${anchor}")
  endif()
  string(REPLACE "${anchor}" "${anchor} ${line}" changed "${sqlite_text}")
  set(sqlite_text "${changed}" PARENT_SCOPE)
endfunction()

file(READ ${source}/sqlite3.c sqlite_text)

# ---- numbers and texts ----
count_work([[SQLITE_PRIVATE int sqlite3AtoF(const char *z, double *pResult, int length, u8 enc){]]
           [[WORK(64 + length);]])
count_work([[SQLITE_PRIVATE int sqlite3Atoi64(const char *zNum, i64 *pNum, int length, u8 enc){]]
           [[WORK(length);]])
count_work([[SQLITE_PRIVATE void sqlite3FpDecode(FpDecode *p, double r, int iRound, int mxRound){]]
           [[WORK(256);]])

# ---- comparisons; those of the same texts are counted once, at the collation or here ----
count_work([[UNUSED_PARAMETER(NotUsed);
  n = nKey1<nKey2 ? nKey1 : nKey2;]] [[WORK(n / 16);]])
count_work([[const u8 *pK1 = (const u8*)pKey1;]] [[WORK(nKey1 + nKey2);]])
count_work([[int r = sqlite3StrNICmp(
      (const char *)pKey1, (const char *)pKey2, (nKey1<nKey2)?nKey1:nKey2);]]
           [[WORK(2 * (nKey1 < nKey2 ? nKey1 : nKey2));]])
count_work([[static int isAllZero(const char *z, int n){]] [[WORK(n);]])
count_work([[c = memcmp(pB1->z, pB2->z, n1>n2 ? n2 : n1);]] [[WORK((n1 > n2 ? n2 : n1) / 16);]])
count_work([[idx1<=szHdr1 || CORRUPT_DB );
  while( 1 /*exit-by-break*/ ){]] [[WORK(8);]])
count_work([[int nCmp = MIN(mem1.n, pRhs->n);]] [[WORK(nCmp / 16);]])
count_work([[int nCmp = MIN(nStr, pRhs->n);]] [[WORK(nCmp / 16);]])
count_work([[nCmp = MIN( pPKey2->n, nStr );]] [[WORK(8 + nCmp / 16);]])
count_work([[res = memcmp(v1, v2, (MIN(n1, n2) - 13)/2);]] [[WORK(MIN(n1, n2) / 32);]])
count_work([[res = pTask->xCompare(
        pTask, &bCached, SRVAL(p1), p1->nVal, SRVAL(p2), p2->nVal
    );]] [[WORK(8);]])

# ---- many columns in one step, and long values ----
count_work([[zHdr = zData + pC->iHdrOffset;
      zEndHdr = zData + aOffset[0];]] [[WORK(3 * (p2 + 1 - i));]])
count_work([[pLast = &pData0[nField-1];]] [[WORK(5 * nField);]])
count_work([[n = pOp->p3;
  pKeyInfo = pOp->p4.pKeyInfo;]] [[WORK(8 * n);]])
count_work([[NOINLINE int sqlite3VdbeMemGrow(Mem *pMem, int n, int bPreserve){]]
           [[WORK(n / 16);]])
count_work([[SQLITE_PRIVATE int sqlite3VdbeMemClearAndResize(Mem *pMem, int szNew){]]
           [[WORK(szNew / 16);]])
count_work([[DbPage *pDbPage           /* Page containing pPayload */
){]] [[WORK(nByte / 16);]])

# ---- functions: what they are given, and what they give ----
count_work([[assert( pCtx->isError==0 );
  (*pCtx->pFunc->xSFunc)(pCtx, pCtx->argc, pCtx->argv);]]
           [[WORK_ARGUMENTS(pCtx); if( pOut->flags & (MEM_Str|MEM_Blob) ) WORK(pOut->n);]])
count_work([[pMem->n++;
  assert( pCtx->pOut->flags==MEM_Null );]] [[WORK_ARGUMENTS(pCtx);]])
count_work([[if( (c=(*++fmt))==0 ){
      sqlite3_str_append(pAccum, "%", 1);
      break;
    }]] [[WORK(64);]])

# ---- dates ----
count_work([[DateTime *p,                /* The date/time value to be modified */
  int idx                     /* Parameter index of the modifier */
){]] [[WORK(256);]])
count_work([[if( j<i ) sqlite3_str_append(&sRes, zFmt+j, (int)(i-j));
    i++;]] [[WORK(256);]])

# ---- JSON ----
count_work([[i = jsonParseValue(pParse, 0);]] [[WORK(16 * pParse->nNode);]])
count_work([[static int jsonLabelCompare(const JsonNode *pNode, const char *zKey, u32 nKey){]]
           [[WORK(8 + nKey / 8);]])
count_work([[if( (pRoot[j].jnFlags & JNODE_REMOVE)==0 || pParse->useMod==0 ) i--;]] [[WORK(4);]])
count_work([[if( (pBase[j].jnFlags & JNODE_REMOVE)==0 || pParse->useMod==0 ) i++;]] [[WORK(4);]])
count_work([[JsonString *pOut               /* Write JSON here */
){]] [[WORK(16);]])
count_work([[static void jsonParseFillInParentage(JsonParse *pParse, u32 i, u32 iParent){]]
           [[WORK(8);]])
count_work([[u32 i                    /* Path to this element */
){]] [[WORK(64);]])

# ---- the choice of a plan: terms that an index may serve, loops, and orders of loops ----
count_work([[assert( iCur>=0 );
    do{]] [[PLANNING((pWC->nTerm - k) / 2);]])
count_work([[pBuilder->iPlanLimit--;]]
           [[PLANNING(1000); if( prytany_sqlite_planning>prytany_sqlite_planning_max ){
               sqlite3ErrorMsg(pWInfo->pParse, "too much to plan");
               return SQLITE_ERROR;
             }]])
count_work([[for(p=(*ppPrev); p; ppPrev=&p->pNextLoop, p=*ppPrev){]] [[PLANNING(4);]])
count_work([[Bitmask revMask;                  /* Mask of rev-order loops for (..) */]]
           [[PLANNING(12);]])
count_work([[if( wctrlFlags & WHERE_ORDERBY_LIMIT ) continue;
    }else{
      pLoop = pLast;
    }]] [[PLANNING(8 * nOrderBy);]])
# Each statement's begins at nothing, also when it is prepared again.
count_work([[sqlite3BtreeEnterAll(db);
  do{]] [[prytany_sqlite_planning = 0;]])

file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/sqlite3.c.new "\
unsigned long long prytany_sqlite_work;
unsigned long long prytany_sqlite_planning;
#define PLANNING(n) (prytany_sqlite_planning += (unsigned long long)(n))
/* Of one statement: half a second or so. */
const unsigned long long prytany_sqlite_planning_max = 500000000;
#define WORK(n) (prytany_sqlite_work += (unsigned long long)(n))
/* typeof() and octet_length() do not look at what they are given, nor length() at a blob, and it
** may not be there. */
#define WORK_ARGUMENTS(c)                                                               \\
  do{                                                                                   \\
    const u32 function = (c)->pFunc->funcFlags;                                         \\
    const u16 seen = (function & SQLITE_FUNC_LENGTH) ? MEM_Str : MEM_Str|MEM_Blob;      \\
    int argument;                                                                       \\
    WORK(32);                                                                           \\
    if( function & SQLITE_FUNC_TYPEOF ) break;                                          \\
    for(argument=0; argument<(c)->argc; argument++)                                     \\
      if( (c)->argv[argument]->flags & seen ) WORK((c)->argv[argument]->n);             \\
  }while( 0 )
${sqlite_text}")
# Only where it differs: else all of SQLite would be built again.
configure_file(${CMAKE_CURRENT_BINARY_DIR}/sqlite3.c.new ${CMAKE_CURRENT_BINARY_DIR}/sqlite3.c
               COPYONLY)
