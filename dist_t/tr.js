import fs from 'node:fs';
const N=60000;
const a=new Float64Array(N*3); let i=0,done=false; const A=4.0e10, B=4.25e10;
const t0=process.hrtime.bigint();
export function tr(thread,code,n){ if(done) return; const now=process.hrtime.bigint(); const up=process.uptime(); if(up<5) return; const t=Number(now/100n)/10; a[i*3]=t;a[i*3+1]=code;a[i*3+2]=n; if(++i===N||up>5.4){done=true; fs.writeFileSync('/tmp/tr.'+thread+'.bin',Buffer.from(a.buffer,0,i*24));} }
